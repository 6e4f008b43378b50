package command

import (
	"context"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/shim/app"
	"github.com/modelrun/modelrun/shim/cli"
)

// EnsureOptions are the options of `modelrun ensure`.
type EnsureOptions struct {
	Update  bool `help:"Rebuild when the profile has changed, or when another key serves now."`
	Rebuild bool `help:"Rebuild in any case, with the same versions; with --update, with new ones. The old one is kept in .envs/.old."`
}

// ensureCommand declares `modelrun ensure`.
func ensureCommand() app.Command {
	var o EnsureOptions
	return app.Command{
		Sub: cli.Sub{
			Name: "ensure",
			Help: "Create the environment now.",
			Examples: `For images, Slurm prologs and ExecStartPre=.

  modelrun ensure -m models/llama
  modelrun ensure --update --env torch-cu121-transformers`,
			Options: &o,
		},
		Run: func(ctx context.Context, a *app.App) error { return Ensure(ctx, a, o) },
	}
}

// Ensure creates the shared environment now, for images, Slurm prologs and
// ExecStartPre=. It does not use a model's old environment, and it ignores the
// pause after a failed creation.
func Ensure(ctx context.Context, a *app.App, o EnsureOptions) error {
	t, req, err := a.Finder().Request(ctx)
	if err != nil {
		return err
	}
	want := *req
	want.Policy.IgnorePause, want.Policy.Sources = true, true
	want.Policy.Update, want.Policy.Rebuild = o.Update, o.Rebuild
	if o.Update || o.Rebuild {
		want.Exact = true // the user wants to leave a compatible environment
	}
	if !req.Named {
		return fault.New(fault.NoModel, "nothing says which model, family or key to make an environment for").
			Fix("modelrun ensure -m path/to/model   # or: modelrun ensure --family transformers")
	}
	res, attempts, err := resolve.Ensure(a.Deps(t)).Resolve(ctx, &want)
	a.UI.Attempts(attempts)
	if err != nil {
		return err
	}
	res.Lease.Release()
	a.KeepHardware()
	a.UI.Log.Info("environment " + res.Dir.Name + " is ready: " + res.Dir.Python())
	return nil
}
