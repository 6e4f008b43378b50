//go:build unix

package execxtest

import (
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

const (
	exe     = ""
	python3 = "python3"
)

// system are the variables of a system that are left.
var system = []string{"TMPDIR", "CC", "CXX", "CI", "UPDATE_SCRIPTS"}

// homes are the variables that name a user's own folders.
var homes = []string{"HOME"}

// without makes a folder of links to all programs of another but some.
func without(from, to string, some func(name string) bool) []string {
	if err := os.MkdirAll(to, 0o755); err != nil {
		panic(err)
	}
	entries, _ := os.ReadDir(from) // what cannot be read is not run either
	for _, e := range entries {
		if !some(e.Name()) {
			if err := os.Symlink(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
				panic(err)
			}
		}
	}
	return []string{to}
}

// pythonDir is a folder in which an interpreter has the names by which it is
// looked for.
func pythonDir(python, dir string) string {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		panic(err)
	}
	for _, name := range []string{"python3", "python"} {
		if err := os.Symlink(python, filepath.Join(dir, name)); err != nil {
			panic(err)
		}
	}
	return dir
}

// closeOnExec keeps what this process inherited from its children: a limit on
// open files means the same everywhere then.
func closeOnExec() {
	entries, _ := os.ReadDir("/dev/fd") // not there: nothing can be done
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
}
