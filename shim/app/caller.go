package app

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/store"
	"github.com/modelrun/modelrun/resolve/uv"
	"github.com/modelrun/modelrun/shim/target"
	"github.com/modelrun/modelrun/shim/terminal"
)

// caller implements [resolve.Caller] for one target.
type caller struct {
	app      *App
	target   target.Target
	progress *terminal.Progress
}

// Plan returns what creation would install for the target.
func (c *caller) Plan(ctx context.Context, _ *resolve.Request) (profile.Plan, error) {
	return c.app.finder.Plan(ctx, c.target)
}

// Compatible lists the existing keys that may serve the target, best first.
func (c *caller) Compatible(ctx context.Context, _ *resolve.Request, have []envdir.Key) []resolve.Alternative {
	return c.app.finder.Compatible(ctx, c.target, have)
}

// UV finds or installs uv.
func (c *caller) UV(ctx context.Context, log io.Writer, heartbeat func()) (*uv.UV, error) {
	return uv.Find(ctx, c.app.UVConfig(log, heartbeat))
}

// Serves returns why a version of torch cannot run on this machine's GPUs. Without
// a GPU every version may be installed: images are built on such machines.
func (c *caller) Serves(ctx context.Context, p profile.Plan, torch string) error {
	m, err := c.app.Machine.Machine(ctx)
	if err != nil || !m.HasGPU() {
		return err
	}
	return m.Serves(p.Accel, torch)
}

// Interruptible returns a context that Ctrl-C or SIGTERM cancels: see
// [Interruptible].
func (c *caller) Interruptible(ctx context.Context) (context.Context, func()) {
	return Interruptible(ctx)
}

// Progress shows how far a creation is.
func (c *caller) Progress(o store.Owner) { c.progress.Show(o) }

// Checking reports a check that takes long.
func (c *caller) Checking(line string) { c.app.UI.Checking(line) }

// Interruptible returns a context that Ctrl-C or SIGTERM cancels until stop is
// called. A signal that arrives before stop returns becomes the cause of the
// context, even at the last moment. A signal that was ignored when modelrun started
// stays ignored.
func Interruptible(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	got := make(chan os.Signal, 1)
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		if !signal.Ignored(sig) {
			signal.Notify(got, sig)
		}
	}
	end := func(sig os.Signal) {
		code, name := fault.Interrupted, "Ctrl-C"
		if sig == syscall.SIGTERM {
			code, name = fault.Terminated, "SIGTERM"
		}
		cancel(fault.New(code, "interrupted by %s; nothing was changed", name).Fix("run the same command again to go on"))
	}
	done, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		select {
		case sig := <-got:
			signal.Stop(got) // a second signal ends the process at once
			end(sig)
		case <-done:
		}
	}()
	return ctx, func() {
		signal.Stop(got) // no signal is delivered from here on
		close(done)
		<-over
		select {
		case sig := <-got: // it came at the last moment, and counts
			end(sig)
		default:
			cancel(nil)
		}
	}
}
