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

// Run starts the tool in a process group of its own (on Windows a job) and
// waits for it. stdin is empty. When the tool ends, what is left of its group
// is killed; on Linux the kernel kills the tool when we are killed.
//
// An exit code that is not 0 is no error. A cancelled ctx kills the group and
// returns context.Cause(ctx). What cannot be started is an error of os/exec:
// fs.ErrNotExist (of Path or of Dir; the error names which) or fs.ErrPermission.
//
// Not guaranteed: a grandchild that made a session of its own is out of reach;
// it can hold us for 2 s through our pipes, no longer.
func Run(ctx context.Context, c Cmd) (Result, error) {
	if ctx.Err() != nil {
		return Result{}, context.Cause(ctx)
	}
	if !filepath.IsAbs(c.Path) { // execve would take it from the working directory
		return Result{}, &fs.PathError{Op: "run", Path: c.Path, Err: fmt.Errorf("%w: no absolute path", fs.ErrNotExist)}
	}
	// The kernel sends PDEATHSIG when the thread that started the child ends,
	// not the process: https://github.com/golang/go/issues/27505
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	capture := newCapture(c.Output)
	cmd := &exec.Cmd{
		Path: c.Path, Args: append([]string{c.Path}, c.Args...), Env: c.Env, Dir: c.Dir,
		Stdout: capture.stdout(), Stderr: capture.stderr(), WaitDelay: drain,
	}
	if c.Env == nil {
		cmd.Env = []string{} // nil is our own to os/exec
	}
	g, err := newGroup(cmd)
	if err != nil {
		return Result{}, err
	}
	defer g.close()
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return Result{}, missing(c, err)
	}
	if err := g.started(cmd.Process.Pid); err != nil {
		_ = cmd.Process.Kill() // it is in no group yet, and must not run outside of one
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

// missing is fs.ErrNotExist where Windows and os/exec say it in other words: of
// the folder ("directory name invalid") and of the tool ("not found in %PATH%").
func missing(c Cmd, err error) error {
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

// wait waits for the tool, ends its group when time or patience is over, and
// leaves nothing of the group behind. state is nil, which reads as exit code
// -1, for a tool that SIGKILL does not end (a dead network disk holds it).
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
	case <-done: //nolint:errcheck // Wait's error says nothing that ProcessState does not
		state = cmd.ProcessState
	case <-time.After(2 * drain):
	}
	return state, timedOut, err
}

// reap waits for the tool and kills what is left of its group: before the tool
// is reaped where the system allows it, since its pid names the group and could
// be another's afterwards, and since that closes our pipes at once.
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
