package shim

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/store"
)

// migrateDoc is `migrate --json`.
type migrateDoc struct {
	Schema int          `json:"schema"`
	Root   string       `json:"root"`
	Undo   bool         `json:"undo"`
	Done   bool         `json:"done"`  // with --yes
	Bytes  int64        `json:"bytes"` // of all that can be moved, or was
	Envs   []migrateEnv `json:"envs"`
}

// migrateEnv is one old env, in the order in which they are moved.
type migrateEnv struct {
	ID     string       `json:"id"`
	Model  string       `json:"model"` // "" not known
	Key    string       `json:"key"`   // that the model gets; "" not known
	State  migrateState `json:"state"`
	Code   fault.Code   `json:"reason_code"`
	Reason string       `json:"reason"` // what serves the model, or why it is not moved
	Remedy string       `json:"remedy"`
	PIDs   []int        `json:"pids"`  // who runs in it
	Bytes  int64        `json:"bytes"` // that a prune frees when it was moved
	Path   string       `json:"path"`
	To     string       `json:"to"` // where it was moved; "" it was not

	dir envdir.Dir
	one *session         // of its model; nil: not known
	req *resolve.Request // of its model
	err error            // why it is blocked, or failed
}

// migrateState is how far one is. It is part of the JSON.
type migrateState string

const (
	migrateReady   migrateState = "ready"   // nothing is in its way; with --yes: it was not come to
	migrateBlocked migrateState = "blocked" // it stays where it is
	migrateMoved   migrateState = "moved"
	migrateFailed  migrateState = "failed"
)

// block keeps an env where it is. The first reason counts.
func (e *migrateEnv) block(err error) {
	if err == nil || e.err != nil {
		return
	}
	e.State, e.err = migrateBlocked, err
	e.Code, e.Reason, e.Remedy = fault.CodeOf(err), oneLine(err.Error()), fault.RemedyOf(err)
	var busy *store.InUse
	if errors.As(err, &busy) {
		for _, u := range busy.Users {
			e.PIDs = append(e.PIDs, u.PID)
		}
	}
}

// migration is one run of the command.
type migration struct {
	*session
	deps *resolve.Deps
	doc  migrateDoc
	pick string    // how the user named the one env, as words for a shell; "" all
	id   envdir.ID // of the one that was named
}

// migrate moves models from their old envs to shared ones: it shows what would
// be done, and does it with --yes.
func (s *session) migrate(ctx context.Context) error {
	f := s.cli.Migrate
	if f.All && s.cli.Model != "" {
		return fault.New(fault.BadUsage, "--all, and %s is named, too", s.cli.Model).Fix("leave one of them out")
	}
	m := &migration{session: s, deps: s.deps(), doc: migrateDoc{Schema: schema, Root: string(s.root), Undo: f.Undo, Done: f.Yes, Envs: []migrateEnv{}}}
	if err := m.plan(ctx); err != nil {
		return err
	}
	var failed error
	if f.Yes {
		if m.pick == "" && !f.All {
			return fault.New(fault.BadUsage, "--yes needs the model, or --all").Fix("%s", m.command("MODEL --yes   # or: --all --yes"))
		}
		ctx, stop := interruptible(ctx)
		failed = m.act(ctx)
		stop()
		if code := fault.CodeOf(context.Cause(ctx)); code == fault.Interrupted || code == fault.Terminated {
			failed = context.Cause(ctx) // also one that came too late to keep anything from being done
		}
	}
	if p := s.people; p != nil && p.clear != nil {
		p.quiet(p.clear) // a creation that failed has left its line where the table begins
	}
	if f.JSON {
		m.count()
		return cmp.Or(printJSON(s.inv.Stdout, m.doc), m.end(failed))
	}
	if failed != nil && m.pick != "" { // the error says it all
		return m.end(failed)
	}
	return cmp.Or(m.table(), m.end(failed))
}

// command is this command again, with the same direction.
func (m *migration) command(words string) string {
	undo := ""
	if m.doc.Undo {
		undo = "--undo "
	}
	return m.again("migrate " + undo + words)
}

// act moves one after another, and stops at the first that fails. What the plan
// found in somebody's way is not begun.
func (m *migration) act(ctx context.Context) error {
	for i := range m.doc.Envs {
		e := &m.doc.Envs[i]
		if e.State != migrateReady {
			continue
		}
		err := context.Cause(ctx)
		if err == nil && m.doc.Undo {
			if err = m.deps.Store.Restore(e.dir); err == nil {
				e.To = m.root.Old(envdir.ID(e.ID)).Path
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
	for i := range m.doc.Envs { // the one that was named
		if e := m.doc.Envs[i]; m.pick != "" && e.err != nil {
			return e.err
		}
	}
	return nil
}

// move makes or checks the shared env of the model first. Only when that one is
// healthy the old one goes; who prunes waits until then.
func (m *migration) move(ctx context.Context, e *migrateEnv) error {
	if err := m.deps.Store.Movable(e.dir); err != nil {
		return err
	}
	want := *e.req
	want.Policy.IgnorePause = true
	e.one.log = m.log
	res, trace, err := resolve.Ensure(e.one.deps()).Resolve(ctx, &want)
	m.status.trace = trace
	m.traced(trace)
	if err != nil {
		return err
	}
	defer res.Lease.Release()
	for _, warning := range res.Verdict.Warnings {
		m.log.Warn(warning)
	}
	if err := fitFor(e, res); err != nil {
		return err
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if e.To, err = m.deps.Store.Migrate(envdir.ID(e.ID)); err != nil {
		return err
	}
	e.Reason = res.Dir.Name + " serves it now"
	e.one.remember(e.req, res)
	m.log.Info(fmt.Sprintf("%s has its shared environment %s; its old one was moved to %s", e.Model, res.Dir.Name, e.To))
	return nil
}

// fitFor refuses a shared env that is not known to serve this very model.
func fitFor(e *migrateEnv, res *resolve.Resolution) error {
	switch v := res.Verdict; {
	case v.UnknownType:
		return fault.New(fault.NoEnv, "environment %s does not know the model's type %s", res.Dir.Name, e.req.ModelType).
			Fix("%s, then try again; or go on with the old environment", e.one.again("ensure --update --env "+res.Dir.Name))
	case v.State != health.Healthy:
		return fault.New(fault.NoEnv, "environment %s is not known to work: %s", res.Dir.Name, v.Reason).Fix("try again when the GPU is free")
	}
	return nil
}

// end is the exit code, and what there is to say about a failure.
func (m *migration) end(failed error) error {
	moved := 0
	for _, e := range m.doc.Envs {
		if e.State == migrateMoved {
			moved++
		}
	}
	if m.doc.Done && moved < len(m.doc.Envs) {
		m.exit = exitNo
	}
	code := fault.CodeOf(failed)
	switch {
	case failed == nil:
		return nil
	case code == fault.Interrupted || code == fault.Terminated:
		return fault.New(code, "interrupted; %d of %d were moved, each as a whole", moved, len(m.doc.Envs)).Fix("run the same command again to go on")
	case m.pick != "":
		return fmt.Errorf("nothing was moved: %w", failed)
	}
	m.report(fmt.Errorf("%d of %d were moved, then one failed: %w", moved, len(m.doc.Envs), failed))
	return nil
}
