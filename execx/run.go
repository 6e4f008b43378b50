package execx

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

// Run starts the tool in a process group of its own that dies with us, and
// waits for it; what is left of its group is killed then. stdin is empty. An
// exit code that is not 0 is no error. A cancelled ctx kills the group and
// returns context.Cause(ctx). What cannot be started is an error of os/exec:
// fs.ErrNotExist, fs.ErrPermission.
func Run(ctx context.Context, c Cmd) (Result, error) {
	if err := ctx.Err(); err != nil {
		return Result{}, context.Cause(ctx)
	}
	// The kernel sends PDEATHSIG when the thread that started the child ends,
	// not the process: https://github.com/golang/go/issues/27505
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	var stdout head
	var outTail, errTail tail
	mu := &sync.Mutex{}
	cmd := &exec.Cmd{Path: c.Path, Args: append([]string{c.Path}, c.Args...), Env: c.Env, Dir: c.Dir, WaitDelay: drain}
	if c.Env == nil {
		cmd.Env = []string{}
	}
	cmd.Stdout = shared{mu, tee(&stdout, &outTail, c.Output)}
	cmd.Stderr = shared{mu, tee(&errTail, c.Output)}
	g, err := newGroup(cmd)
	if err != nil {
		return Result{}, err
	}
	defer g.close()
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return Result{}, err
	}
	if err := g.started(cmd.Process.Pid); err != nil {
		g.kill()
	}
	if c.Started != nil {
		c.Started(cmd.Process.Pid)
	}
	timedOut, err := wait(ctx, cmd, g, c.Timeout)

	mu.Lock() // a writer may still be there after WaitDelay
	defer mu.Unlock()
	res := Result{ExitCode: cmd.ProcessState.ExitCode(), Stdout: stdout.Bytes(), Tail: errTail.String(), Took: time.Since(began), TimedOut: timedOut}
	if res.Tail == "" {
		res.Tail = outTail.String()
	}
	return res, err
}

// wait waits for the tool, ends its group when time or patience is over, and
// in any case leaves nothing of the group behind.
func wait(ctx context.Context, cmd *exec.Cmd, g *group, limit time.Duration) (timedOut bool, err error) {
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	var late <-chan time.Time
	if limit > 0 {
		timer := time.NewTimer(limit)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case err = <-done:
	case <-late:
		timedOut = true
		g.kill()
		<-done
	case <-ctx.Done():
		g.kill()
		<-done
		return false, context.Cause(ctx)
	}
	g.kill()
	var exit *exec.ExitError
	if errors.As(err, &exit) || errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	return timedOut, err
}

// shared lets two streams write to the same place.
type shared struct {
	mu *sync.Mutex
	w  io.Writer
}

func (s shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}

func tee(writers ...io.Writer) io.Writer {
	if writers[len(writers)-1] == nil {
		writers = writers[:len(writers)-1]
	}
	return io.MultiWriter(writers...)
}
