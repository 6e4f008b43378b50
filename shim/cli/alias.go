package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/shim/config"
	"github.com/modelrun/modelrun/shim/launcher"
)

// alias is the content of NAME.toml. The file is beside a copy of modelrun, or a
// link to it, that is called NAME. It holds the words that go before those typed
// after NAME. Relative paths in it are relative to Cwd. Cwd itself is relative to
// the file's folder, and defaults to that folder.
type alias struct {
	Cwd     string   `toml:"cwd"`
	Options []string `toml:"options"`
	Command []string `toml:"command"`
}

// ApplyAlias puts the words of NAME.toml before the arguments, all of which go to
// the program. It returns the path of the file, or "" if there is none. When
// modelrun is called by its own name, this costs one comparison. Under another name
// without such a file it behaves as modelrun.
func ApplyAlias(inv Invocation, env execx.Environ) (Invocation, string, error) {
	file, err := aliasFile(inv.Program, env)
	if err != nil || file == "" {
		return inv, "", err
	}
	a, err := readAlias(file)
	if err != nil {
		return inv, "", err
	}
	front := append([]string{"-C", fsys.Absolute(a.Cwd, filepath.Dir(file))}, a.Options...)
	front = append(append(front, "--"), a.Command...)
	inv.Args = append(front, inv.Args...)
	if typed := inv.Tail; typed != nil {
		inv.Tail = func(n int) string { // front was never typed, so it is quoted; the rest is passed on unchanged
			if n > len(front) {
				return typed(n - len(front))
			}
			return strings.TrimSuffix(execx.JoinLine(front[n-1:])+" "+typed(1), " ")
		}
	}
	return inv, file, nil
}

// readAlias reads the file. The file names a program to start, so it must be
// writable only by the user or root.
func readAlias(file string) (alias, error) {
	var a alias
	data, err := config.ReadFile(file)
	if why := fsys.Trusted(file, nil); why != nil && !errors.Is(why, fs.ErrNotExist) {
		if f := new(fault.Error); errors.As(why, &f) && strings.Contains(f.Remedy, "trusted_owners") { // no config file has been read yet
			return a, f.Fix("see what it starts; if that is what you want: sudo chown root %s", fault.Quote(file))
		}
		return a, why
	}
	if err != nil {
		return a, fault.New(fault.BadConfig, "%s, which says what %s starts, cannot be read: %w", file, strings.TrimSuffix(filepath.Base(file), ".toml"), err).
			Fix("make it readable, or, if modelrun wrote it: modelrun launcher repair")
	}
	if err := config.DecodeStrict(data, &a, file, config.Strict{Known: []string{"cwd", "options", "command"}}); err != nil {
		return a, err
	}
	switch {
	case len(a.Command) == 0:
		return a, fault.New(fault.BadConfig, "%s names no command", file).Fix(`add one such as command = ["python", "load_model.py"]`)
	case slices.Contains(a.Options, "--"):
		return a, fault.New(fault.BadConfig, "%s: options hold %q, behind which the command begins", file, "--").Fix(`put what follows it into command = ["python", …]`)
	}
	return a, nil
}

// aliasFile returns the path of NAME.toml, or "" if there is none. The file is
// beside our executable, or beside the name that we were started by: for a link,
// POSIX reports only the target.
func aliasFile(program string, env execx.Environ) (string, error) {
	if ourName(program) {
		return "", nil
	}
	self, err := os.Executable()
	if err != nil {
		return "", nil //nolint:nilerr // without our own path there is no folder to search
	}
	for _, path := range []string{self, startedBy(program, self, env)} {
		if path == "" || ourName(path) {
			continue
		}
		file := withoutExe(path) + ".toml"
		if _, err := os.Lstat(file); err == nil {
			return file, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", fault.New(fault.BadConfig, "%s cannot be looked for: %w", file, err).Fix("make that folder readable")
		}
	}
	return "", nil
}

// startedBy returns the path of argv[0], found as a shell finds it, or "" if that
// path does not lead to our executable. The check is needed because a caller can
// put anything into argv[0].
func startedBy(program, self string, env execx.Environ) string {
	path := program
	if execx.IsPath(path) {
		cwd, err := os.Getwd()
		if err != nil {
			return ""
		}
		path = fsys.Absolute(path, cwd)
	} else {
		path, _ = execx.LookPath(path, filepath.SplitList(env.Get("PATH")), env) // "" if no file has that name
	}
	us, err1 := os.Stat(self)
	it, err2 := os.Stat(path)
	if err1 != nil || err2 != nil || !os.SameFile(us, it) {
		return ""
	}
	return path
}

// ourName reports whether path is that of modelrun or modelrunw.
func ourName(path string) bool {
	name := withoutExe(filepath.Base(path))
	return path == "" || launcher.Ours(name)
}

func withoutExe(path string) string {
	if n := len(path) - len(".exe"); n > 0 && strings.EqualFold(path[n:], ".exe") {
		return path[:n]
	}
	return path
}
