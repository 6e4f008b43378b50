package config

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// Input is everything that settings are read from.
type Input struct {
	Table   Table         // the settings that exist
	Env     execx.Environ // the caller's variables
	Dir     Dir           // from [WorkDir]
	Flags   Flags         // from the command line
	Program []string      // the program's command line, which may name a script
}

// Dir is the caller's working directory after -C.
type Dir struct {
	Path string // absolute
	From string // the source that changes it: "-C", "variable MODELRUN_CWD"; "" if none does
}

// fromC is the source of a working directory that -C names.
const fromC = "-C"

// WorkDir returns the working directory after -C or the variable MODELRUN_CWD. As
// in git, it acts first: every relative path of the command line and every search
// upward starts there. WorkDir does not change the process's own directory.
func WorkDir(flags Flags, env execx.Environ) (Dir, error) {
	cwd, err := os.Getwd()
	if err != nil {
		return Dir{}, fault.New(fault.BadUsage, "the working directory is gone: %w", err).Fix("cd to a folder that exists")
	}
	dir, from := flags["cwd"], fromC
	if dir == "" {
		dir, from = env.Get("MODELRUN_CWD"), "variable MODELRUN_CWD"
	}
	cwd = execx.Plain(cwd)
	if dir == "" {
		return Dir{Path: cwd}, nil
	}
	if err := CheckName("cwd", dir, from); err != nil {
		return Dir{}, err
	}
	dir = fsys.Absolute(dir, cwd)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return Dir{}, fault.New(fault.BadUsage, "%s: %s is not a folder", from, dir).Fix("name a folder that exists")
	}
	return Dir{dir, from}, nil
}

// Load reads every source, the weakest first, and finds the root. It changes
// nothing on the disk. An unusable root is not an error: see [Config.RootErr].
func Load(in Input) (Config, error) {
	l := newLoader(in)
	for _, read := range []func() error{l.files, l.variables, l.flags, l.parseNeeds, l.workDir, l.onDisk} {
		if err := read(); err != nil {
			return l.Config, err
		}
	}
	l.root = findRoot(l.Config, in.Env)
	l.limitProject()
	return l.Config, l.readTerms()
}

// OfFlags returns the Config of the command line alone, without a root. It is for
// commands that must work when files and the root are gone.
func OfFlags(in Input) (Config, error) {
	l := newLoader(in)
	return l.Config, l.setFlags()
}

// loader is a Config under construction.
type loader struct {
	Config
	in        Input
	block     script // of the script that is started
	blockFrom string // its file and line
	direct    []directNeed
}

func newLoader(in Input) *loader {
	l := &loader{in: in, Config: Config{table: in.Table, base: in.Dir.Path, script: ScriptOf(in.Program)}}
	l.scriptDirs = foldersOf(l.Abs(l.script))
	l.values = make([]Value, len(in.Table))
	for i := range in.Table {
		l.values[i] = Value{Text: in.Table[i].Default, From: fromDefault}
	}
	return l
}

// set stores a value. A relative path is relative to dir. An empty value counts as
// not given.
func (l *loader) set(i int, value, from, dir string) error {
	if value == "" {
		return nil
	}
	s := &l.table[i]
	bad := func(want string) error {
		return fault.New(fault.BadConfig, "%s: %s = %q is not %s", from, s.Name, value, want).
			Fix("give %s, or unset it", want)
	}
	switch s.Kind {
	case Path:
		if err := CheckName(s.Name, value, from); err != nil {
			return err
		}
		value = fsys.Absolute(value, dir)
	case Bool:
		v, ok := parseBool(value)
		if !ok {
			return bad("true or false")
		}
		value = strconv.FormatBool(v)
	case Duration:
		if _, ok := parseDuration(value); !ok {
			return bad("a time such as 90, 30s, 5m or 2h")
		}
	case Age:
		if _, ok := parseAge(value); !ok {
			return bad("an age such as 3 days, 36 hours or 1 week (0 for none)")
		}
	case Text, List:
	}
	if s.Allowed != nil && !slices.Contains(s.Allowed, value) {
		want := "one of " + strings.Join(s.Allowed, ", ")
		if near := fault.Nearest(value, s.Allowed); near != "" {
			return fault.New(fault.BadConfig, "%s: %s = %q is not %s", from, s.Name, value, want).Fix("did you mean %q?", near)
		}
		return bad(want)
	}
	l.values[i] = Value{Text: value, From: from}
	return nil
}

// variables applies MODELRUN_*. modelrun passes MODELRUN_ACTIVE_* to the program,
// but never reads it as a setting. So a program that starts a second model does not
// pass on the name of the first.
func (l *loader) variables() error {
	for _, entry := range l.in.Env {
		if !strings.HasPrefix(entry, "MODELRUN_") {
			continue
		}
		name, value, _ := strings.Cut(entry, "=")
		i := slices.IndexFunc(l.table, func(s Setting) bool { return s.Variable == name })
		if i < 0 {
			if value != "" && !otherVariable(name) {
				l.unknown = append(l.unknown, name)
			}
			continue
		}
		if err := l.set(i, value, "variable "+name, l.base); err != nil {
			return err
		}
	}
	return nil
}

// flags applies the command line.
func (l *loader) flags() error {
	l.unnamed = l.Value("model")
	if err := l.setFlags(); err != nil {
		return err
	}
	l.familyFirst()
	return nil
}

func (l *loader) setFlags() error {
	for i := range l.table {
		s := &l.table[i]
		if s.Flag == "" || s.Name == "cwd" { // -C has acted already: see WorkDir
			continue
		}
		if err := l.set(i, l.in.Flags[s.Name], "flag --"+s.Flag, l.base); err != nil {
			return err
		}
	}
	return nil
}

// familyFirst drops a key if the family comes from a stronger source: a flag, then
// a variable, then a file.
func (l *loader) familyFirst() {
	rank := func(name string) int {
		kind, _, _ := strings.Cut(l.Value(name).From, " ")
		return slices.Index([]string{"variable", "flag"}, kind) // -1 for a file's name
	}
	if l.IsSet("family") && rank("family") > rank("env_key") {
		l.values[l.table.index("env_key")] = Value{From: fromDefault}
	}
}

// workDir stores the folder after -C. The stored path is absolute, so a relative -C
// cannot act twice, and a file cannot change it.
func (l *loader) workDir() error {
	if l.in.Dir.From != "" {
		l.values[l.table.index("cwd")] = Value{Text: l.base, From: l.in.Dir.From}
	}
	return nil
}

// Abs makes a path from the caller absolute, starting at the folder after -C. It
// returns "" unchanged.
func (c Config) Abs(path string) string {
	if path == "" {
		return ""
	}
	return fsys.Absolute(path, c.base)
}

// ScriptDirs returns where the files of the script that is started are looked for, the
// most important first: its own folder, and, if it is a link, the folder of the file
// that it leads to. Without a script there is none.
func (c Config) ScriptDirs() []string { return c.scriptDirs }

// foldersOf returns the folder of a file, and that of the file it leads to if it is
// a link.
func foldersOf(path string) []string {
	if path == "" {
		return nil
	}
	dirs := []string{filepath.Dir(path)}
	if info, err := os.Lstat(path); err != nil || info.Mode()&os.ModeSymlink == 0 {
		return dirs
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		dirs = append(dirs, filepath.Dir(target))
	}
	return dirs
}
