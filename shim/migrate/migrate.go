// Package migrate moves models from their old environments to shared ones.
package migrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/store"
	"github.com/modelrun/modelrun/shim/app"
	"github.com/modelrun/modelrun/shim/cli"
	"github.com/modelrun/modelrun/shim/config"
	"github.com/modelrun/modelrun/shim/target"
	"github.com/modelrun/modelrun/shim/terminal"
)

// MigrateOptions are the options of `modelrun migrate`.
type MigrateOptions struct {
	What string `arg:"" optional:"" name:"model" help:"The model, or the id of its old environment."`
	All  bool   `help:"Every old environment, one after another; stops at the first that fails."`
	Undo bool   `help:"Move back what was migrated and not pruned."`
	Yes  bool   `help:"Do it; without it the plan is shown."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Command declares `modelrun migrate`.
func Command() app.Command {
	var o MigrateOptions
	return app.Command{
		Sub: cli.Sub{
			Name: "migrate",
			Help: "Show what moves to shared environments; --yes does it.",
			Examples: `An old environment that is in use stays; --undo moves back until prune.

  modelrun migrate
  modelrun migrate models/llama --yes
  modelrun migrate --all --yes
  modelrun migrate models/llama --undo --yes`,
			Options: &o,
		},
		Amend: func(flags config.Flags) { amendModel(&o, flags) },
		Run: func(ctx context.Context, a *app.App) error {
			if !o.Yes {
				a = a.AsReadOnly()
			}
			return Migrate(ctx, a, o)
		},
	}
}

// amendModel makes the argument the model of the command line, so that the root is
// also searched for upward from it. With -m too, the argument is the id of an old
// environment, unless both are the same model.
func amendModel(o *MigrateOptions, flags config.Flags) {
	switch flags["model"] {
	case o.What:
		o.What = ""
	case "":
		flags["model"] = o.What
	}
}

// migrateDoc is the document of `migrate --json`.
type migrateDoc struct {
	Schema int          `json:"schema"`
	Root   string       `json:"root"`
	Undo   bool         `json:"undo"`
	Done   bool         `json:"done"`  // with --yes
	Bytes  int64        `json:"bytes"` // of all envs that can be, or were, moved
	Envs   []migrateEnv `json:"envs"`
}

// migrateEnv is one old env. Envs are moved in the order of the list.
type migrateEnv struct {
	ID     string       `json:"id"`
	Model  string       `json:"model"` // "" if it is not known
	Key    string       `json:"key"`   // of the model's shared env; "" if it is not known
	State  migrateState `json:"state"`
	Code   fault.Code   `json:"reason_code"`
	Reason string       `json:"reason"` // the env that serves the model, or why this one is not moved
	Remedy string       `json:"remedy"`
	PIDs   []int        `json:"pids"`  // of the processes that use it
	Bytes  int64        `json:"bytes"` // that a prune frees after the move
	Path   string       `json:"path"`
	To     string       `json:"to"` // the path that it was moved to; "" if it was not moved

	dir    envdir.Dir
	wanted modelRequest
	err    error // why it is blocked, or why the move failed
}

// modelRequest is the request to the chain for the model of an old env.
type modelRequest struct {
	app     *app.App // with the settings for that model
	target  target.Target
	request *resolve.Request
}

// migrateState is how far the migration of an env is. It is part of the JSON.
type migrateState string

const (
	migrateReady   migrateState = "ready"   // it can be moved; with --yes it was not reached
	migrateBlocked migrateState = "blocked" // it stays where it is
	migrateMoved   migrateState = "moved"
	migrateFailed  migrateState = "failed"
)

// block keeps an env where it is. Only the first reason counts.
func (e *migrateEnv) block(err error) {
	if err == nil || e.err != nil {
		return
	}
	e.State, e.err = migrateBlocked, err
	e.Code, e.Reason, e.Remedy = fault.CodeOf(err), terminal.OneLine(err.Error()), fault.RemedyOf(err)
	var busy *store.InUse
	if errors.As(err, &busy) {
		for _, u := range busy.Users {
			e.PIDs = append(e.PIDs, u.PID)
		}
	}
}

// migration is one run of `modelrun migrate`.
type migration struct {
	app  *app.App
	o    MigrateOptions
	deps *resolve.Deps // for no particular model
	doc  migrateDoc
	pick string    // how the user named the one env, quoted for a shell; "" for all
	id   envdir.ID // of the env that the user named
}

// Migrate moves models from their old envs to shared ones. Without --yes it only
// shows the plan. It returns [app.NotAll] if an env was not moved.
func Migrate(ctx context.Context, a *app.App, o MigrateOptions) error {
	if model := a.Config.Flag("model"); o.All && model != "" {
		return fault.New(fault.BadUsage, "--all, and %s is named, too", model).Fix("leave one of them out")
	}
	m := &migration{app: a, o: o, deps: a.Deps(target.Target{})}
	m.doc = migrateDoc{Schema: terminal.Schema, Root: string(a.Config.Root()), Undo: o.Undo, Done: o.Yes, Envs: []migrateEnv{}}
	if err := m.plan(ctx); err != nil {
		return err
	}
	var failed error
	if o.Yes {
		if m.pick == "" && !o.All {
			return fault.New(fault.BadUsage, "--yes needs the model, or --all").Fix("%s", m.command("MODEL --yes   # or: --all --yes"))
		}
		ctx, stop := app.Interruptible(ctx)
		failed = m.act(ctx)
		stop()
		if code := fault.CodeOf(context.Cause(ctx)); code == fault.Interrupted || code == fault.Terminated {
			failed = context.Cause(ctx) // even if the signal came too late to stop anything
		}
	}
	a.UI.ClearLine() // a failed creation leaves its progress line where the table begins
	if o.JSON {
		m.count()
		return cmp.Or(a.UI.JSON(m.doc), m.end(failed))
	}
	if failed != nil && m.pick != "" { // the error already says everything
		return m.end(failed)
	}
	return cmp.Or(m.table(), m.end(failed))
}

// command returns this command again, with other words, in the same direction.
func (m *migration) command(words string) string {
	undo := ""
	if m.doc.Undo {
		undo = "--undo "
	}
	return m.app.Hint("migrate " + undo + words)
}

// act moves the envs one after another and stops at the first failure. It skips
// those that the plan blocked.
func (m *migration) act(ctx context.Context) error {
	for i := range m.doc.Envs {
		e := &m.doc.Envs[i]
		if e.State != migrateReady {
			continue
		}
		err := context.Cause(ctx)
		if err == nil && m.doc.Undo {
			if err = m.deps.Store.OldEnvs().Restore(e.dir); err == nil {
				e.To = m.app.Config.Root().Old(envdir.ID(e.ID)).Path
			}
		} else if err == nil {
			err = m.move(ctx, e)
		}
		if err == nil {
			e.State = migrateMoved
			continue
		}
		e.block(err)
		e.State = migrateFailed
		return err
	}
	for i := range m.doc.Envs { // the env that the user named
		if e := m.doc.Envs[i]; m.pick != "" && e.err != nil {
			return e.err
		}
	}
	return nil
}

// move first creates or checks the model's shared env. It moves the old env only if
// the shared one is healthy. Until then it holds the lease of the shared env, so
// that a prune waits.
func (m *migration) move(ctx context.Context, e *migrateEnv) error {
	if err := m.deps.Store.OldEnvs().Movable(e.dir); err != nil {
		return err
	}
	app, ui := e.wanted.app, m.app.UI
	request := *e.wanted.request
	request.Policy.IgnorePause = true
	res, trace, err := resolve.Ensure(app.Deps(e.wanted.target)).Resolve(ctx, &request)
	ui.Attempts(trace)
	if err != nil {
		return err
	}
	defer res.Lease.Release()
	for _, warning := range res.Verdict.Warnings {
		ui.Log.Warn(warning)
	}
	if err := checkServes(e.wanted, res); err != nil {
		return err
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if e.To, err = m.deps.Store.OldEnvs().Migrate(envdir.ID(e.ID)); err != nil {
		return err
	}
	e.Reason = res.Dir.Name + " serves it now"
	app.Remember(e.wanted.target, e.wanted.request, res)
	ui.Log.Info(fmt.Sprintf("%s has its shared environment %s; its old one was moved to %s", e.Model, res.Dir.Name, e.To))
	return nil
}

// checkServes returns an error for a shared env that is not known to serve this
// model.
func checkServes(wanted modelRequest, res *resolve.Resolution) error {
	switch v := res.Verdict; {
	case v.UnknownType:
		newer, _ := profile.Newer(wanted.request.Model.Type, "")
		return fault.New(fault.NoEnv, "environment %s does not know the model's type %s", res.Dir.Name, wanted.request.Model.Type).
			Fix("go on with the old environment; a newer transformers may know it: %s --with %s -- …", wanted.request.StartModel(), fault.Quote(newer))
	case v.State != health.Healthy:
		return fault.New(fault.NoEnv, "environment %s is not known to work: %s", res.Dir.Name, v.Reason).Fix("try again when the GPU is free")
	}
	return nil
}

// end returns the command's error: a failure with its text, or [app.NotAll].
func (m *migration) end(failed error) error {
	moved := 0
	for _, e := range m.doc.Envs {
		if e.State == migrateMoved {
			moved++
		}
	}
	code := fault.CodeOf(failed)
	switch {
	case failed == nil:
	case code == fault.Interrupted || code == fault.Terminated:
		return fault.New(code, "interrupted; %d of %d were moved, each as a whole", moved, len(m.doc.Envs)).Fix("run the same command again to go on")
	case m.pick != "":
		return fmt.Errorf("nothing was moved: %w", failed)
	default:
		m.app.UI.Report(fmt.Errorf("%d of %d were moved, then one failed: %w", moved, len(m.doc.Envs), failed))
	}
	if m.doc.Done && moved < len(m.doc.Envs) {
		return app.NotAll
	}
	return nil
}
