package store

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/modelrun/modelrun/resolve/envdir"
)

// Users are the processes that run in an env: whose name, maps or environment
// name it. A child that a program starts without an environment and without its
// descriptors is found by its own name, sys.executable. Processes of other
// users that we may not look into are not found.
func (s *Store) Users(d envdir.Dir) []Process {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	venv := d.Venv()
	if real, err := filepath.EvalSymlinks(venv); err == nil {
		venv = real
	}
	var out []Process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		if proc := filepath.Join("/proc", e.Name()); uses(proc, venv) || venv != d.Venv() && uses(proc, d.Venv()) {
			name, _ := os.ReadFile(filepath.Join(proc, "comm")) // gone meanwhile: a number is enough
			out = append(out, Process{pid, strings.TrimSpace(string(name))})
		}
	}
	return out
}

func uses(proc, venv string) bool {
	maps, _ := os.ReadFile(filepath.Join(proc, "maps"))
	if bytes.Contains(maps, []byte(" "+venv+"/")) || bytes.Contains(maps, []byte("\t"+venv+"/")) {
		return true
	}
	cmd, _ := os.ReadFile(filepath.Join(proc, "cmdline"))
	if bytes.HasPrefix(cmd, []byte(venv+"/")) {
		return true
	}
	env, _ := os.ReadFile(filepath.Join(proc, "environ"))
	for entry := range bytes.SplitSeq(env, []byte{0}) {
		if string(entry) == "MODELRUN_ACTIVE_ENV="+venv || string(entry) == "VIRTUAL_ENV="+venv {
			return true
		}
	}
	return false
}
