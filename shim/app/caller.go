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

// caller is the command's side of the chain, for one target: a [resolve.Caller].
type caller struct {
	app      *App
	target   target.Target
	progress *terminal.Progress
}

func (c *caller) Plan(ctx context.Context, _ *resolve.Request) (profile.Plan, error) {
	return c.app.finder.Plan(ctx, c.target)
}

func (c *caller) Compatible(ctx context.Context, _ *resolve.Request, have []envdir.Key) []resolve.Alternative {
	return c.app.finder.Compatible(ctx, c.target, have)
}

func (c *caller) UV(ctx context.Context, log io.Writer, heartbeat func()) (*uv.UV, error) {
	return uv.Find(ctx, c.app.UVConfig(log, heartbeat))
}

func (c *caller) Interruptible(ctx context.Context) (context.Context, func()) {
	return Interruptible(ctx)
}

func (c *caller) Progress(o store.Owner) { c.progress.Show(o) }

func (c *caller) Checking(line string) { c.app.UI.Checking(line) }

// Interruptible ends the context with Ctrl-C or SIGTERM until stop is called. A signal
// that came before then is the context's cause, however late it came. A signal that we
// inherited as ignored stays ignored.
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
			signal.Stop(got) // the second one ends us at once
			end(sig)
		case <-done:
		}
	}()
	return ctx, func() {
		signal.Stop(got) // no signal comes from now on
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
