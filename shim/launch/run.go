// Package launch starts a program in its environment: `modelrun run`.
package launch

import (
	"context"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/shim/app"
	"github.com/modelrun/modelrun/shim/cli"
	"github.com/modelrun/modelrun/shim/target"
)

// Command declares `modelrun run`, which is also the default command. Its arguments
// are in cli's grammar.
func Command() app.Command {
	return app.Command{
		Sub: cli.Sub{
			Name: "run",
			Help: "Start a program in the right environment (default).",
			Examples: `It takes python, a script, a command of the environment, or one on PATH:

  modelrun run -- python load_model.py
  modelrun run -m models/llama serve.py --port 8000`,
		},
		Run: Run,
	}
}

// Run finds the environment for the program of the command line, and becomes that
// program. On POSIX it returns only after an error. On Windows it returns when the
// program has ended, with an [app.Exit] if the exit code is not 0.
func Run(ctx context.Context, a *app.App) error {
	if len(a.Line.Program) == 0 {
		return cli.NoCommand()
	}
	from, err := placeOf(a) // before anything is created
	if err != nil {
		return err
	}
	t, req, err := a.Finder().Request(ctx)
	if err != nil {
		return err
	}
	res, err := resolveEnv(ctx, a, t, req)
	if err != nil {
		return err
	}
	l := launch{words: a.Line.Program, from: from, t: t, req: req, res: res}
	l.gpus = health.Narrowing(ctx, res.Dir, a.Machine.Identity(), a.Machine.Machine)
	if warning := l.gpus.Warning(a.Program); warning != "" {
		a.UI.Log.Warn(warning)
	}
	program, err := programOf(a, l)
	if err != nil {
		res.Lease.Release()
		return err
	}
	a.Remember(t, req, res)
	a.UI.Status.Starting(res)
	a.UI.Notify.Done()
	code, err := execx.Become(program)
	res.Lease.Release()
	if err != nil {
		return startFault(err)
	}
	if code != 0 {
		return app.Exit(code)
	}
	return nil
}

// resolveEnv asks the chain for the environment of a launch, and logs the chain's
// attempts and warnings. Meanwhile it watches the console, so that modelrunw can
// show its window when a start takes long.
func resolveEnv(ctx context.Context, a *app.App, t target.Target, req *resolve.Request) (*resolve.Resolution, error) {
	stop := a.UI.Console.Watch()
	res, attempts, err := resolve.Default(a.Deps(t)).Resolve(ctx, req)
	stop()
	a.UI.Attempts(attempts)
	if err != nil {
		return nil, err
	}
	for _, warning := range res.Verdict.Warnings {
		a.UI.Log.Warn(warning)
	}
	a.UI.Console.Close(res.Degraded, a.UI.Logged)
	return res, nil
}
