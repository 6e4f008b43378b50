package shim

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
)

// program says what this process becomes: the command found in the env, its
// arguments untouched, and the environment that DESIGN 9 fixes.
func (s *session) program(req *resolve.Request, res *resolve.Resolution, cwd workDir, nest string) (execx.Program, error) {
	env := s.activate(req, res, cwd.real, nest)
	path, argv, err := s.command(req, res.Dir, cwd.real, env)
	if err != nil {
		return execx.Program{}, err
	}
	p := execx.Program{Path: path, Argv: argv, Env: env, Dir: cwd.start, Warn: func(line string) { s.log.Warn(line) }}
	if s.inv.Tail != nil { // all but the first word were typed, and at the end
		p.Tail = s.inv.Tail(1 + len(s.inv.Args) - len(argv[1:]))
	}
	if fd, ok := res.Lease.FD(); ok {
		p.Keep = append(p.Keep, fd)
	}
	return p, nil
}

// workDir is where the program starts: the folder, and the name of it that the
// system accepts.
type workDir struct{ real, start string }

// workDir is asked before anything is created: a folder in which nothing can
// start is bad input.
func (s *session) workDir() (workDir, error) {
	dir := s.set.base
	if from := s.set.one[sCwd]; from.value != "" {
		dir = from.value
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return workDir{}, fault.New(fault.BadConfig, "%s: cwd %s is not a folder", s.set.one[sCwd].from, dir).Fix("name a folder that exists")
	}
	start, err := s.dirs().Name(dir)
	if err != nil {
		return workDir{}, fault.New(fault.BadConfig, "no program can be started in %w", err).
			Fix("start it in a shorter folder: modelrun -C DIR -- …")
	}
	return workDir{dir, start}, nil
}

// dirs keeps junctions to folders whose names are too long in a short folder of
// the user's.
func (s *session) dirs() execx.Dirs {
	return execx.Dirs{Links: under(s.env.Get("LOCALAPPDATA"), "modelrun", "j"), Limit: s.inv.MaxDir}
}

// command finds what the first word means in this env.
func (s *session) command(req *resolve.Request, d envdir.Dir, cwd string, env execx.Environ) (path string, argv []string, err error) {
	words := s.words.program
	python := d.Python()
	if windowed() || strings.HasPrefix(strings.ToLower(words[0]), "pythonw") {
		python = d.Pythonw()
	}
	switch word := words[0]; {
	case isPython(word):
		return python, append([]string{python}, words[1:]...), nil
	case isProgram(word):
		return python, append([]string{python}, words...), nil
	default:
		dirs := append([]string{d.Scripts()}, filepath.SplitList(env.Get("PATH"))...)
		if execx.IsPath(word) {
			word = absolute(word, cwd)
		}
		if path, err = execx.LookPath(word, dirs, env); err != nil {
			return "", nil, lookFault(words[0], before(req), d, err)
		}
		if options, stray := strayScript(path, d); stray {
			s.log.Info(fmt.Sprintf("%s was made for another place: it is started with the python of %s", path, d.Name))
			return python, append(append(append([]string{python}, options...), path), words[1:]...), nil
		}
		if !execx.IsPath(words[0]) && !within(path, d.Scripts()) && ofPython(words[0], path) {
			s.log.Warn(fmt.Sprintf("%s is not in %s; this is another Python's: %s", words[0], d.Name, path))
		}
		return path, append([]string{words[0]}, words[1:]...), nil
	}
}

// ofPython reports whether a command is one of Python's: an interpreter or a
// pip of some version, or a script with a python in its first line.
func ofPython(word, path string) bool {
	for _, name := range []string{"python", "pip"} {
		if version, ok := strings.CutPrefix(word, name); ok && strings.Trim(version, "0123456789.") == "" {
			return true
		}
	}
	return slices.ContainsFunc(interpreter(path), func(word string) bool { return strings.Contains(word, "python") })
}

func lookFault(word, before string, d envdir.Dir, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fault.New(fault.CannotStart, "%s cannot be started: %w", word, err).Fix("chmod +x it, or start it with python")
	}
	switch {
	case execx.IsPath(word):
		return fault.New(fault.NotFound, "command %s does not exist", word).Fix("correct its path; a relative one starts at the working directory, see -C")
	case word == "" || word[0] == '-':
		return fault.New(fault.NotFound, "command %q is neither in %s nor on PATH", word, d.Scripts()).Fix("name the program: %spython %s …", before, word)
	}
	return fault.New(fault.NotFound, "command %q is neither in %s nor on PATH", word, d.Scripts()).
		Fix("%[1]spython -m %[2]s   (if it is a module), or %[1]spip install %[2]s", before, fault.Quote(word))
}

// startFault turns a failed exec into exit 126 or 127.
func startFault(err error) error {
	var e *execx.StartError
	if errors.Is(err, execx.ErrTooLong) && errors.As(err, &e) {
		return fault.New(fault.CannotStart, "%s cannot be started: %s", e.Path, e.Reason).
			Fix("put the arguments into a file that the program reads: modelrun -- %s FILE", filepath.Base(e.Path))
	}
	if errors.As(err, &e) {
		return fault.New(fault.CannotStart, "%s cannot be started: %s", e.Path, e.Reason).Fix("check that file: %s", look(e.Path))
	}
	return fault.New(fault.CannotStart, "%w", err).Fix("modelrun explain")
}

// activate is the environment of the program.
func (s *session) activate(req *resolve.Request, res *resolve.Resolution, dir, nest string) execx.Environ {
	degraded := "0"
	if res.Degraded {
		degraded = "1"
	}
	return s.programEnv.Edit([]execx.Var{
		{Key: "VIRTUAL_ENV", Value: res.Dir.Venv()},
		{Key: "PATH", Value: searchPath(s.programEnv, res.Dir)},
		{Key: "PYTHONNOUSERSITE", Value: "1"},
		{Key: "MODELRUN_ACTIVE_KEY", Value: string(req.Key)},
		{Key: "MODELRUN_ACTIVE_ENV", Value: res.Dir.Venv()},
		{Key: "MODELRUN_ACTIVE_STRATEGY", Value: res.Strategy},
		{Key: "MODELRUN_ACTIVE_DEGRADED", Value: degraded},
		{Key: "MODELRUN_ACTIVE_ROOT", Value: string(s.root)},
		{Key: "MODELRUN_ACTIVE_MODEL", Value: cmp.Or(s.wanted.model.Path, s.wanted.model.Name)},
		{Key: "MODELRUN_ACTIVE_CWD", Value: dir},
		{Key: nestVariable, Value: nest},
	}, "PYTHONHOME", "PYTHONEXECUTABLE", "__PYVENV_LAUNCHER__")
}

// searchPath puts the env first, once, and leaves out the scripts folder of an
// env that modelrun put there before.
func searchPath(env execx.Environ, d envdir.Dir) string {
	drop := map[string]bool{d.Scripts(): true}
	if before := env.Get("MODELRUN_ACTIVE_ENV"); before != "" {
		drop[filepath.Join(before, filepath.Base(d.Scripts()))] = true
	}
	list := string(filepath.ListSeparator)
	out := d.Scripts()
	for _, dir := range strings.Split(env.Get("PATH"), list) {
		if dir != "" && !drop[filepath.Clean(dir)] {
			out += list + dir
		}
	}
	return out
}

// nestVariable counts how deep modelrun was started by programs that it started.
const nestVariable = "MODELRUN_ACTIVE_NEST"

// More than maxNest nested starts within nestWindow are a loop. A service that
// restarts is started from outside and does not count.
const (
	maxNest    = 8
	nestWindow = 10 * time.Second
)

// nesting is the value for the program: how many modelruns are above it and
// when the first of them started.
func nesting(env execx.Environ) (string, error) {
	now := time.Now().Unix()
	count, since := 0, now
	if n, at, ok := strings.Cut(env.Get(nestVariable), "@"); ok {
		c, err1 := strconv.Atoi(n)
		t, err2 := strconv.ParseInt(at, 10, 64)
		if age := now - t; err1 == nil && err2 == nil && age >= 0 && age <= int64(nestWindow/time.Second) {
			count, since = c, t
		}
	}
	if count++; count > maxNest {
		return "", fault.New(fault.Recursion, "modelrun was started by itself %d times within %s", count, nestWindow).
			Fix("look for a script or shell function named python that starts modelrun again")
	}
	return fmt.Sprintf("%d@%d", count, since), nil
}

// programEnv is the caller's environment with --isolated, --env-file and [env]
// applied: what the program gets, but for what the chosen env adds.
func (s *settings) programEnv(env execx.Environ) (execx.Environ, error) {
	var set []execx.Var
	for name, v := range s.env {
		set = append(set, execx.Var{Key: name, Value: v.value})
	}
	if file := s.get(sEnvFile); file != "" {
		vars, err := readEnvFile(file)
		if err != nil {
			return nil, err
		}
		set = append(set, vars...)
	}
	var drop []string
	if s.yes(sIsolated) {
		drop = append(drop, "PYTHONPATH")
	}
	if set == nil && drop == nil {
		return env, nil
	}
	return env.Edit(set, drop...), nil
}

// readEnvFile reads KEY=VALUE a line: # begins a comment line, "export " in
// front and one pair of quotes around a value are taken off, nothing is expanded.
func readEnvFile(path string) ([]execx.Var, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.New(fault.BadConfig, "env file %s cannot be read: %w", path, err).Fix("name a file that exists: --env-file FILE")
	}
	defer f.Close()
	var vars []execx.Var
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if !ok || key == "" || strings.ContainsAny(key, " \t\x00") {
			return nil, fault.New(fault.BadConfig, "%s:%d: not KEY=VALUE", path, n).Fix("correct that line")
		}
		if len(value) >= 2 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
			value = value[1 : len(value)-1]
		}
		vars = append(vars, execx.Var{Key: key, Value: value})
	}
	if err := lines.Err(); err != nil {
		return nil, fault.New(fault.BadConfig, "env file %s cannot be read: %w", path, err).Fix("correct that file")
	}
	return vars, nil
}
