package shim

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
	"github.com/modelrun/modelrun/shim/launcher"
)

// called is NAME.toml beside a copy of modelrun, or a link to it, that is called
// NAME: what stands before the words that are typed after NAME. Relative names
// in it start at Cwd, a relative Cwd at the file's folder, and so does none.
type called struct {
	Cwd     string   `toml:"cwd"`
	Options []string `toml:"options"`
	Command []string `toml:"command"`
}

// byName puts what NAME.toml says in front of the arguments, which are all the
// program's then. modelrun under its own name pays one comparison for it; under
// another name without such a file it is modelrun, too.
func (s *session) byName() error {
	file, err := s.calledFile()
	if err != nil || file == "" {
		return err
	}
	var c called
	if err := c.read(file); err != nil {
		return err
	}
	s.calledBy = file
	front := append([]string{"-C", absolute(c.Cwd, filepath.Dir(file))}, c.Options...)
	front = append(append(front, "--"), c.Command...)
	s.inv.Args = append(front, s.inv.Args...)
	if typed := s.inv.Tail; typed != nil {
		s.inv.Tail = func(n int) string { // front was never typed: it is quoted, and the rest is as it was
			if n > len(front) {
				return typed(n - len(front))
			}
			return strings.TrimSuffix(execx.JoinLine(front[n-1:])+" "+typed(1), " ")
		}
	}
	return nil
}

// read reads the file, which names what is started: nobody else may write it.
func (c *called) read(file string) error {
	data, err := readConfig(file)
	if why := fsys.Trusted(file, nil); why != nil && !errors.Is(why, fs.ErrNotExist) {
		if f := new(fault.Error); errors.As(why, &f) && strings.Contains(f.Remedy, "trusted_owners") { // no config file is read yet
			return f.Fix("see what it starts; if that is what you want: sudo chown root %s", fault.Quote(file))
		}
		return why
	}
	if err != nil {
		return fault.New(fault.BadConfig, "%s, which says what %s starts, cannot be read: %w", file, strings.TrimSuffix(filepath.Base(file), ".toml"), err).
			Fix("make it readable, or write it again: modelrun launcher repair")
	}
	if err := decodeStrict(data, c, file, 0, "", "cwd", "options", "command"); err != nil {
		return err
	}
	switch {
	case len(c.Command) == 0:
		return fault.New(fault.BadConfig, "%s names no command", file).Fix(`add one such as command = ["python", "load_model.py"]`)
	case slices.Contains(c.Options, "--"):
		return fault.New(fault.BadConfig, "%s: options hold %q, behind which the command begins", file, "--").Fix(`put what follows it into command = ["python", …]`)
	}
	return nil
}

// calledFile is NAME.toml, "" where there is none. The program's own path is
// asked first, and, since POSIX tells of a link only what it leads to, the name
// by which we were started.
func (s *session) calledFile() (string, error) {
	if ourName(s.inv.Program) {
		return "", nil
	}
	self, err := os.Executable()
	if err != nil {
		return "", nil //nolint:nilerr // who cannot be found has nothing beside it
	}
	for _, path := range []string{self, s.startedBy(self)} {
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

// startedBy is the path of argv[0], found as a shell finds it, if that is a name
// of ours; a caller can write anything there.
func (s *session) startedBy(self string) string {
	path := s.inv.Program
	if execx.IsPath(path) {
		cwd, err := os.Getwd()
		if err != nil {
			return ""
		}
		path = absolute(path, cwd)
	} else {
		path, _ = execx.LookPath(path, filepath.SplitList(s.env.Get("PATH")), s.env) // "": a name that nothing has
	}
	us, err1 := os.Stat(self)
	it, err2 := os.Stat(path)
	if err1 != nil || err2 != nil || !os.SameFile(us, it) {
		return ""
	}
	return path
}

// ourName reports whether a program's path is that of modelrun or modelrunw.
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
