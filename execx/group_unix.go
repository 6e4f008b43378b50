//go:build !windows

package execx

import (
	"os/exec"
	"sync"
	"syscall"
)

// group is the process group of a captured child.
type group struct {
	mu  sync.Mutex
	pid int // 0: not started, or reaped
}

func newGroup(cmd *exec.Cmd) (*group, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithUs(cmd.SysProcAttr)
	return &group{}, nil
}

func (g *group) started(pid int) error { g.pid = pid; return nil }

// kill ends whatever is left of the group. SIGKILL at once: an installer's
// staging folder is thrown away in any case.
func (g *group) kill() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.pid > 0 {
		_ = syscall.Kill(-g.pid, syscall.SIGKILL) // gone already is what we want
	}
}

// forget comes before the pid can be another's.
func (g *group) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pid = 0
}

func (g *group) close() {}
