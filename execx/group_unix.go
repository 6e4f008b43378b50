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
	pid int // 0 if it has not started or was reaped
}

// newGroup makes cmd start in a new group.
func newGroup(cmd *exec.Cmd) (*group, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	killWithParent(cmd.SysProcAttr)
	return &group{}, nil
}

// started records the child.
func (g *group) started(pid int) error { g.pid = pid; return nil }

// kill kills all processes of the group, with SIGKILL at once: an installer's
// staging folder is discarded anyway.
func (g *group) kill() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.pid > 0 {
		_ = syscall.Kill(-g.pid, syscall.SIGKILL) // an error means that there is none left
	}
}

// forget must be called before another process can get the pid.
func (g *group) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pid = 0
}

// close does nothing: a group needs no resources.
func (g *group) close() {}
