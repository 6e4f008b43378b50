package launch

import (
	"github.com/modelrun/modelrun/shim/app"

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

	"github.com/hashicorp/go-hclog"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/hardware"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/shim/config"
	"github.com/modelrun/modelrun/shim/target"
	"github.com/modelrun/modelrun/shim/terminal"
)

// launch is a start whose environment has been found. It holds the values from
// which the program is made.
type launch struct {
	words []string // the program and its arguments, as they were typed
	from  place
	t     target.Target
	req   *resolve.Request
	res   *resolve.Resolution
	gpus  hardware.Narrowing
}

// place is the folder where a program starts, and how deep modelrun is nested
// there.
type place struct {
	dir     string // the working directory
	dirName string // a name of dir that the system accepts for a new process
	nest    string // the value of nestVariable for the program
}

// placeOf checks, before anything is created, where the program starts. A working
// directory in which nothing can start is bad input, and so is a loop.
func placeOf(a *app.App) (place, error) {
	nest, err := nesting(a.Env)
	if err != nil {
		return place{}, err
	}
	cwd, dir := a.Config.Value("cwd"), a.Config.Base()
	if cwd.Text != "" {
		dir = cwd.Text
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return place{}, fault.New(fault.BadConfig, "%s: cwd %s is not a folder", cwd.From, dir).Fix("name a folder that exists")
	}
	name, err := a.Dirs().Name(dir)
	if err != nil {
		return place{}, fault.New(fault.BadConfig, "no program can be started in %w", err).
			Fix("start it in a shorter folder: modelrun -C DIR -- …")
	}
	return place{dir, name, nest}, nil
}

// programOf returns the program that this process becomes: the command found in the
// environment, its arguments unchanged, and the variables that activate the
// environment.
func programOf(a *app.App, l launch) (execx.Program, error) {
	env := activate(a.Program, l)
	path, argv, err := commandOf(l, env, a.UI.Log)
	if err != nil {
		return execx.Program{}, err
	}
	p := execx.Program{Path: path, Argv: argv, Env: env, Dir: l.from.dirName, Warn: func(line string) { a.UI.Log.Warn(line) }}
	if a.Inv.Tail != nil { // all words but the first were typed, at the end of the command line
		p.Tail = a.Inv.Tail(1 + len(a.Inv.Args) - len(argv[1:]))
	}
	if fd, ok := l.res.Lease.FD(); ok {
		p.Keep = append(p.Keep, fd)
	}
	return p, nil
}

// commandOf finds the command for the program's first word in the environment. It
// returns the path to execute and the complete argument list.
func commandOf(l launch, env execx.Environ, log hclog.Logger) (path string, argv []string, err error) {
	first, rest, d := l.words[0], l.words[1:], l.res.Dir
	python := d.Python()
	if terminal.Windowed() || strings.HasPrefix(strings.ToLower(first), "pythonw") {
		python = d.Pythonw()
	}
	if config.IsPython(first) {
		return python, append([]string{python}, rest...), nil
	}
	if config.IsProgram(first) { // a script
		return python, append([]string{python}, l.words...), nil
	}
	name, dirs := first, append([]string{d.Scripts()}, filepath.SplitList(env.Get("PATH"))...)
	if execx.IsPath(first) {
		name = fsys.Absolute(first, l.from.dir)
	}
	if path, err = execx.LookPath(name, dirs, env); err != nil {
		return "", nil, lookFault(first, target.Before(l.req), d, err)
	}
	if options, stray := strayScript(path, d); stray {
		log.Info(fmt.Sprintf("%s was made for another place: it is started with the python of %s", path, d.Name))
		return python, append(append(append([]string{python}, options...), path), rest...), nil
	}
	if !execx.IsPath(first) && !fsys.Within(path, d.Scripts()) && ofPython(first, path) {
		log.Warn(fmt.Sprintf("%s is not in %s; this is another Python's: %s", first, d.Name, path))
	}
	return path, append([]string{first}, rest...), nil
}

// ofPython reports whether a command belongs to a Python: an interpreter or pip of
// some version, or a script whose first line names a python.
func ofPython(word, path string) bool {
	for _, name := range []string{"python", "pip"} {
		if version, ok := strings.CutPrefix(word, name); ok && strings.Trim(version, "0123456789.") == "" {
			return true
		}
	}
	return slices.ContainsFunc(interpreter(path), func(word string) bool { return strings.Contains(word, "python") })
}

// lookFault returns an error that explains why a command was not found. before is
// the part of a modelrun command line that goes before a program, see
// [target.Before].
func lookFault(word, before string, d envdir.Dir, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fault.New(fault.CannotStart, "%s cannot be started: %w", word, err).Fix("make it executable, or start it with python")
	}
	switch {
	case execx.IsPath(word):
		return fault.New(fault.NotFound, "command %s does not exist", word).Fix("correct its path; a relative one starts at the working directory, see -C")
	case word == "" || word[0] == '-':
		return fault.New(fault.NotFound, "command %q is neither in %s nor on PATH", word, d.Scripts()).Fix("name the program: %spython %s …", before, fault.Quote(word))
	}
	return fault.New(fault.NotFound, "command %q is neither in %s nor on PATH", word, d.Scripts()).
		Fix("%[1]spython -m %[2]s   # if it is a module; else install it: %[1]spip install %[2]s", before, fault.Quote(word))
}

// startFault turns a failed exec into an error with exit code 126.
func startFault(err error) error {
	var e *execx.StartError
	if errors.Is(err, execx.ErrTooLong) && errors.As(err, &e) {
		return fault.New(fault.CannotStart, "%s cannot be started: %s", e.Path, e.Reason).
			Fix("put the arguments into a file that the program reads: modelrun -- %s FILE", filepath.Base(e.Path))
	}
	if errors.As(err, &e) {
		return fault.New(fault.CannotStart, "%s cannot be started: %s", e.Path, e.Reason).Fix("check that file: %s", terminal.LookCommand(e.Path))
	}
	return fault.New(fault.CannotStart, "%w", err).Fix("modelrun explain")
}

// activate adds the environment's variables to those of the program.
func activate(program execx.Environ, l launch) execx.Environ {
	degraded := "0"
	if l.res.Degraded {
		degraded = "1"
	}
	program = l.gpus.Apply(health.WithLibraries(program, l.res.Dir, l.req.Imports))
	return program.Edit([]execx.Var{
		{Key: "VIRTUAL_ENV", Value: l.res.Dir.Venv()},
		{Key: "PATH", Value: searchPath(program, l.res.Dir)},
		{Key: "PYTHONNOUSERSITE", Value: "1"},
		{Key: "MODELRUN_ACTIVE_KEY", Value: string(l.req.Key)},
		{Key: "MODELRUN_ACTIVE_ENV", Value: l.res.Dir.Venv()},
		{Key: "MODELRUN_ACTIVE_STRATEGY", Value: l.res.Strategy},
		{Key: "MODELRUN_ACTIVE_DEGRADED", Value: degraded},
		{Key: "MODELRUN_ACTIVE_ROOT", Value: string(l.req.Root)},
		{Key: "MODELRUN_ACTIVE_MODEL", Value: cmp.Or(l.t.Model.Path, l.t.Model.Name)},
		{Key: "MODELRUN_ACTIVE_CWD", Value: l.from.dir},
		{Key: nestVariable, Value: l.from.nest},
	}, "PYTHONHOME", "PYTHONEXECUTABLE", "__PYVENV_LAUNCHER__")
}

// searchPath returns a PATH that begins with the scripts folder of the environment.
// It removes all other copies of that folder, and the scripts folder that an outer
// modelrun put there.
func searchPath(env execx.Environ, d envdir.Dir) string {
	drop := map[string]bool{d.Scripts(): true}
	if outer := env.Get("MODELRUN_ACTIVE_ENV"); outer != "" {
		drop[filepath.Join(outer, filepath.Base(d.Scripts()))] = true
	}
	shortest := len(d.Scripts())
	for dir := range drop {
		shortest = min(shortest, len(dir))
	}
	list := string(filepath.ListSeparator)
	dirs := []string{d.Scripts()}
	for dir := range strings.SplitSeq(env.Get("PATH"), list) {
		if dir != "" && (len(dir) < shortest || !drop[filepath.Clean(dir)]) { // Clean makes no path longer
			dirs = append(dirs, dir)
		}
	}
	return strings.Join(dirs, list)
}

// nestVariable counts how deeply modelrun is nested in programs that it started
// itself. Its value is COUNT@SECONDS, see [nesting].
const nestVariable = "MODELRUN_ACTIVE_NEST"

// More than maxNest nested starts within nestWindow are a loop. A service that
// restarts does not count, because its manager starts it without the variable.
const (
	maxNest    = 8
	nestWindow = 10 * time.Second
)

// nesting returns the value of nestVariable for the program: the number of
// modelruns above it, and the time when the first of them started.
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
