package store

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/modelrun/modelrun/resolve/envdir"
)

// Users returns the processes that run in an env: their name, memory maps or
// environment name it. A child that was started without an environment and without
// descriptors is found by its own name, sys.executable. Processes of other users
// that we may not inspect are not found.
func Users(d envdir.Dir) []Process { return UsersOf(d)[0] }

// UsersOf does the same as [Users] for several envs. It looks at each process once.
func UsersOf(dirs ...envdir.Dir) [][]Process {
	out := make([][]Process, len(dirs))
	names := make([][]string, len(dirs)) // of each venv
	for i, d := range dirs {
		names[i] = []string{d.Venv()}
		if real, err := filepath.EvalSymlinks(d.Venv()); err == nil && real != d.Venv() {
			names[i] = append(names[i], real)
		}
	}
	entries, _ := os.ReadDir("/proc") // after an error there are no processes
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		p := look(filepath.Join("/proc", e.Name()))
		for i := range dirs {
			if slices.ContainsFunc(names[i], p.uses) {
				name, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "comm")) // "" if the process has ended; its number is enough
				out[i] = append(out[i], Process{pid, strings.TrimSpace(string(name))})
			}
		}
	}
	return out
}

// proc is what /proc shows of a process.
type proc struct{ maps, cmd, env []byte }

func look(dir string) (p proc) {
	p.maps, _ = os.ReadFile(filepath.Join(dir, "maps")) // unreadable: empty
	p.cmd, _ = os.ReadFile(filepath.Join(dir, "cmdline"))
	if name, _, _ := bytes.Cut(p.cmd, []byte{0}); bytes.ContainsRune(name, '/') && name[0] != '/' { // .venv/bin/python
		cwd, _ := os.Readlink(filepath.Join(dir, "cwd"))
		p.cmd = []byte(filepath.Join(cwd, string(name)))
	}
	p.env, _ = os.ReadFile(filepath.Join(dir, "environ"))
	return p
}

func (p proc) uses(venv string) bool {
	if bytes.Contains(p.maps, []byte(" "+venv+"/")) || bytes.Contains(p.maps, []byte("\t"+venv+"/")) || bytes.HasPrefix(p.cmd, []byte(venv+"/")) {
		return true
	}
	for entry := range bytes.SplitSeq(p.env, []byte{0}) {
		if string(entry) == "MODELRUN_ACTIVE_ENV="+venv || string(entry) == "VIRTUAL_ENV="+venv {
			return true
		}
	}
	return false
}
