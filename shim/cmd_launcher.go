package shim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/shim/launcher"
)

// launcher is `launcher add`, `list`, `check`, `repair`, `remove`.
func (s *session) launcher() error {
	records, err := s.records()
	if err != nil {
		return err
	}
	given := s.cli.options()
	overrides := s.words.verb == "repair" && (given.any() || s.cli.Launcher.Repair.Icon != "" || s.cli.Launcher.Repair.Account != "")
	if s.words.verb == "add" || overrides {
		err = s.settle() // what is given is good, or nothing is touched
	} else {
		err = s.settleLittle()
	}
	if err != nil {
		return err
	}
	switch s.words.verb {
	case "add":
		return s.launcherAdd(records)
	case "list":
		return s.launcherList(records)
	case "check":
		return s.launcherCheck(records)
	case "repair":
		return s.launcherRepair(records, overrides)
	default:
		return s.launcherRemove(records)
	}
}

// settleLittle is settle for what needs neither a root nor a config file: a
// launcher can be mended and removed when they are gone.
func (s *session) settleLittle() error {
	base, _, err := s.changeDir()
	if err != nil {
		return err
	}
	s.set = defaults(base)
	if err := s.set.flags(s.cli.flags); err != nil {
		return err
	}
	s.log, s.people, err = newLog(s.set, s.stderr, s.env)
	return err
}

// records is the user's own folder, beside the config file.
func (s *session) records() (launcher.Records, error) {
	file := userConfig(s.env)
	if file == "" {
		return "", fault.New(fault.BadConfig, "there is no folder for what is kept of launchers: HOME is %q", s.env.Get("HOME")).Fix("set HOME to your own folder")
	}
	return launcher.Records(filepath.Join(filepath.Dir(file), "launchers")), nil
}

func (s *session) launcherAdd(records launcher.Records) error {
	add := s.cli.Launcher.Add
	spec := launcher.Spec{
		Name: add.Name, Kind: launcher.Kind(cmp.Or(add.Kind, string(launcher.Default()))), Options: s.cli.options().words(options{}, s.set.base),
		Command: s.words.program, Dir: s.set.base, Icon: s.abs(add.Icon), Windowed: add.Windowed, Account: add.Account, System: add.System,
	}
	err := launcher.Validate(&spec)
	if err == nil {
		spec.Program, err = s.self(spec.Windowed)
	}
	if err == nil {
		err = s.present(&spec)
	}
	if err != nil {
		return err
	}
	dir := s.abs(add.To)
	if dir == "" {
		if dir, err = launcher.Folder(&spec, s.env.Get); err != nil {
			return err
		}
	} else if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fault.New(fault.BadUsage, "--to: %s is not a folder", dir).Fix("%s", fault.Shell("mkdir -p ", "mkdir ", dir))
	}
	was, unknown := records.Read(spec.Name)
	rec, kept, err := records.Put(&spec, dir, add.Force)
	if err != nil {
		return err
	}
	out := mask{s.inv.Stdout}
	s.written(rec, kept)
	if unknown == nil && was.Files[0].Path != rec.Files[0].Path {
		s.gone(was, nil)
	}
	if next := rec.Next(s.env.Get); next != "" {
		fmt.Fprintf(out, "to start it: %s\n", next)
	}
	s.lost(spec.Kind)
	for _, f := range rec.Check(s.around(rec)) {
		if f.ID == "shadowed" { // all else was looked at before; a root may come with the first start
			s.log.Warn(f.Text)
		}
	}
	return nil
}

func (s *session) written(rec *launcher.Record, kept []string) {
	out := mask{s.inv.Stdout}
	for _, w := range rec.Files {
		fmt.Fprintf(out, "wrote %s\n", oneLine(w.Path))
	}
	for _, path := range kept {
		fmt.Fprintf(out, "kept what was there as %s\n", oneLine(path))
	}
}

// lost says which variables count here and not where another program starts it.
func (s *session) lost(kind launcher.Kind) {
	if kind == launcher.Script || kind == launcher.Batch || kind == launcher.Exe {
		return // from the same prompt, most likely
	}
	var names []string
	for _, one := range s.set.one {
		if name, ok := strings.CutPrefix(one.from, "variable "); ok {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		s.log.Warn("set here, and most likely not where the launcher is started: " + strings.Join(names, ", ") + "; options such as --root say it there as well")
	}
}

// present refuses what is named on this command line and not there, before
// anything is written. What else of a launcher is gone, Check says.
func (s *session) present(spec *launcher.Spec) error {
	add, repair := s.words.verb == "add", s.cli.Launcher.Repair
	if add || s.cli.Model != "" {
		if _, err := s.model(); err != nil {
			return err
		}
	}
	if name := s.set.get(sFamily); name != "" {
		if _, err := familyNamed(name, s.set.one[sFamily].from); err != nil {
			return err
		}
	}
	if key := s.set.get(sEnv); key != "" {
		if _, err := envdir.ParseKey(key); err != nil {
			return err
		}
	}
	if spec.Icon != "" && (add || repair.Icon != "") && !exists(spec.Icon) {
		return fault.New(fault.BadUsage, "--icon: %s is not there", spec.Icon).Fix("name a file that exists")
	}
	if script := script(spec); script != "" && (add || s.cli.Cwd != "") && !exists(script) {
		return fault.New(fault.BadUsage, "script %s is not there", script).Fix("correct its path; a relative one starts at the working directory, see -C")
	}
	if spec.Account != "" && (add || repair.Account != "") && !account(spec.Account) {
		return fault.New(fault.BadUsage, "--account: there is no account %s", spec.Account).
			Fix("name one that exists: %s", fault.Shell("id ", "net user ", spec.Account))
	}
	return nil
}

// script is what a launcher's command starts, "" for no script.
func script(spec *launcher.Spec) string {
	name := scriptOf(spec.Command)
	if name == "" {
		return ""
	}
	return absolute(name, spec.Dir)
}

// account reports whether there is one of that name. Without cgo os/user reads
// only /etc/passwd; id knows a directory's accounts as well.
func account(name string) bool {
	_, err := user.Lookup(name)
	if runtime.GOOS == "windows" {
		return err == nil || launcher.Passwordless(name) // Windows looks up no LocalSystem, and a service's own not before that is there
	}
	if err == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	res, err := execx.Run(ctx, execx.Cmd{Path: "/usr/bin/id", Args: []string{"-u", "--", name}, Dir: "/"})
	return err == nil && res.ExitCode == 0
}

// self is the program that a launcher calls: this one, by the name under which
// PATH finds it, because the file behind that link may move with the next version.
func (s *session) self(windowed bool) (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fault.New(fault.Internal, "where modelrun is cannot be found out: %w", err).Fix("install it anew")
	}
	path = execx.Plain(path)
	if runtime.GOOS == "windows" {
		path = filepath.Join(filepath.Dir(path), map[bool]string{false: "modelrun.exe", true: "modelrunw.exe"}[windowed])
	}
	is, err := os.Stat(path)
	if err != nil {
		return "", fault.New(fault.CannotStart, "%s is not there: %w", path, err).Fix("install modelrun as a whole")
	}
	for _, dir := range filepath.SplitList(s.env.Get("PATH")) {
		link := filepath.Join(dir, filepath.Base(path))
		if info, err := os.Stat(link); filepath.IsAbs(dir) && err == nil && os.SameFile(is, info) {
			return link, nil
		}
	}
	return path, nil
}

// abs is a path of the command line; "" stays.
func (s *session) abs(path string) string {
	if path == "" {
		return ""
	}
	return absolute(path, s.set.base)
}

func (s *session) around(rec *launcher.Record) launcher.Environment {
	return launcher.Environment{Script: script(&rec.Spec), Account: account, Path: filepath.SplitList(s.env.Get("PATH"))}
}

// read is a launcher that must be there.
func (s *session) read(records launcher.Records, name string) (*launcher.Record, error) {
	rec, err := records.Read(name)
	if !errors.Is(err, launcher.ErrNone) {
		return rec, err
	}
	names, _ := records.Names() // none: nothing is near
	f := fault.New(fault.BadUsage, "there is no launcher %q", name)
	if near := nearest(name, names); near != "" {
		return rec, f.Fix("did you mean %q?", near)
	}
	return rec, f.Fix("modelrun launcher list")
}
