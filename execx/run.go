package execx

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// Run starts the tool in its own process group (on Windows a job) and waits for
// it. stdin is empty. When the tool ends, the rest of its group is killed. On
// Linux the kernel kills the tool if this process is killed.
//
// An exit code other than 0 is not an error. A cancelled ctx kills the group
// and returns context.Cause(ctx). If the tool cannot be started, the error is
// that of os/exec: fs.ErrNotExist (for Path or Dir; the error names which) or
// fs.ErrPermission.
//
// Not guaranteed: a grandchild in its own session is not killed. It can delay
// us through our pipes for at most 2 s.
func Run(ctx context.Context, c Cmd) (Result, error) {
	if ctx.Err() != nil {
		return Result{}, context.Cause(ctx)
	}
	if !filepath.IsAbs(c.Path) { // execve would look in the working directory
		return Result{}, &fs.PathError{Op: "run", Path: c.Path, Err: fmt.Errorf("%w: no absolute path", fs.ErrNotExist)}
	}
	// The kernel sends PDEATHSIG when the thread that started the child ends,
	// not when the process ends: https://github.com/golang/go/issues/27505
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	capture := newCapture(c.Output)
	cmd := &exec.Cmd{
		Path: c.Path, Args: append([]string{c.Path}, c.Args...), Env: c.Env, Dir: c.Dir,
		Stdout: capture.stdout(), Stderr: capture.stderr(), WaitDelay: drain,
	}
	if c.Env == nil {
		cmd.Env = []string{} // os/exec takes nil for our own environment
	}
	g, err := newGroup(cmd)
	if err != nil {
		return Result{}, err
	}
	defer g.close()
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return Result{}, notExist(c, err)
	}
	if err := g.started(cmd.Process.Pid); err != nil {
		_ = cmd.Process.Kill() // it is not in the group, and must not run outside
		_ = cmd.Wait()
		return Result{}, err
	}
	if c.Started != nil {
		c.Started(cmd.Process.Pid)
	}
	state, timedOut, err := wait(ctx, cmd, g, c.Timeout)
	res := Result{ExitCode: state.ExitCode(), Took: time.Since(began), TimedOut: timedOut}
	res.Stdout, res.Tail = capture.result()
	return res, err
}

// notExist turns the errors of Windows and os/exec for a missing folder
// ("directory name invalid") or tool ("not found in %PATH%") into
// fs.ErrNotExist.
func notExist(c Cmd, err error) error {
	if c.Dir != "" {
		if _, e := os.Stat(c.Dir); errors.Is(e, fs.ErrNotExist) {
			return e
		}
	}
	if errors.Is(err, exec.ErrNotFound) {
		return &fs.PathError{Op: "run", Path: c.Path, Err: fs.ErrNotExist}
	}
	return err
}

// wait waits for the tool. It kills the group when the time limit or ctx is
// over, and leaves no process of the group behind. state is nil, which means
// exit code -1, if SIGKILL does not end the tool (blocked by a dead network
// disk).
func wait(ctx context.Context, cmd *exec.Cmd, g *group, limit time.Duration) (state *os.ProcessState, timedOut bool, err error) {
	done := make(chan error, 1)
	go func() { done <- reap(cmd, g) }()
	var late <-chan time.Time
	if limit > 0 {
		timer := time.NewTimer(limit)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case err = <-done:
		return cmd.ProcessState, false, err
	case <-late:
		timedOut = true
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	g.kill()
	select {
	case <-done: //nolint:errcheck // Wait's error adds nothing to ProcessState
		state = cmd.ProcessState
	case <-time.After(2 * drain):
	}
	return state, timedOut, err
}

// reap waits for the tool and kills the rest of its group. If the system allows
// it, that happens before the tool is reaped: its pid identifies the group, and
// could belong to another process later. It also closes our pipes at once.
func reap(cmd *exec.Cmd, g *group) error {
	if awaitExit(cmd.Process.Pid) {
		g.kill()
		g.forget()
	}
	err := cmd.Wait()
	g.kill()
	g.forget()
	var exit *exec.ExitError
	if errors.As(err, &exit) || errors.Is(err, exec.ErrWaitDelay) {
		return nil
	}
	return err
}
