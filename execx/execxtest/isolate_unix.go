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

// system are the system's variables that are kept.
var system = []string{"TMPDIR", "CC", "CXX", "CI", "UPDATE_SCRIPTS"}

// homes are the variables that name a user's own folders.
var homes = []string{"HOME"}

// without creates a folder with links to all programs of another one except
// some.
func without(from, to string, some func(name string) bool) []string {
	if err := os.MkdirAll(to, 0o755); err != nil {
		panic(err)
	}
	entries, _ := os.ReadDir(from) // an unreadable folder has no usable programs
	for _, e := range entries {
		if !some(e.Name()) {
			if err := os.Symlink(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
				panic(err)
			}
		}
	}
	return []string{to}
}

// pythonDir creates a folder in which an interpreter has its usual names.
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

// closeOnExec keeps inherited descriptors from children, so that a limit on
// open files always has the same effect.
func closeOnExec() {
	entries, _ := os.ReadDir("/dev/fd") // if it does not exist, nothing can be done
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
}
