package shim

import (
	"cmp"
	"context"
	"errors"
	"io"
	"path/filepath"

	"github.com/hashicorp/go-hclog"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/store"
)

// plan finds the old envs and says of each what would become of it. It changes
// nothing and runs nothing of the root.
func (m *migration) plan(ctx context.Context) error {
	old, err := m.deps.Store.OldEnvs()
	if err != nil {
		return err
	}
	moved, err := m.deps.Store.Migrated()
	if err != nil {
		return err
	}
	dirs := old
	if m.doc.Undo {
		dirs = moved
	}
	if m.id, err = m.picked(append(old, moved...)); err != nil {
		return err
	}
	dirs = m.only(dirs)
	models := m.models(dirs)
	var ready, blocked []migrateEnv
	for i, d := range dirs {
		e := migrateEnv{ID: d.Name, Model: models[envdir.ID(d.Name)], State: migrateReady, PIDs: []int{}, Path: d.Path, dir: d}
		e.block(cmp.Or(m.deps.Trusted(d), m.trusts(m.root.OldEnvs())))
		if m.doc.Undo {
			e.block(m.restorable(d, dirs))
		} else {
			m.look(ctx, &e, i > 0)
		}
		if e.err == nil {
			ready = append(ready, e)
		} else {
			blocked = append(blocked, e)
		}
	}
	m.order(ready, blocked)
	return ctx.Err()
}

// only is the env that was named, or all. A folder in .old is named whole where
// there are several of one model.
func (m *migration) only(dirs []envdir.Dir) (out []envdir.Dir) {
	stem, _, whole := envdir.ParseRetired(m.cli.Migrate.What)
	whole = whole && m.doc.Undo && stem == string(m.id)
	for _, d := range dirs {
		if m.id == "" || d.Name == string(m.id) && (!whole || filepath.Base(d.Path) == m.cli.Migrate.What) {
			out = append(out, d)
		}
	}
	return out
}

// order puts first what can be done, and counts what is freed in that order.
func (m *migration) order(ready, blocked []migrateEnv) {
	m.doc.Envs = append(append(m.doc.Envs, ready...), blocked...)
	paths := make([]string, len(m.doc.Envs))
	for i, e := range m.doc.Envs {
		paths[i] = e.Path
	}
	for i, n := range store.Frees(paths) {
		m.doc.Envs[i].Bytes = n
	}
}

// picked is the id of the env that was named, by its model or itself; "" none
// was: all.
func (m *migration) picked(have []envdir.Dir) (envdir.ID, error) {
	what := m.cli.Migrate.What
	if m.cli.Model == "" {
		return "", nil
	}
	id := envdir.ID("")
	for _, d := range have {
		if d.Name == what || m.doc.Undo && filepath.Base(d.Path) == what {
			id = envdir.ID(d.Name)
		}
	}
	path := absolute(what, m.set.base)
	ours := filepath.Dir(path) == m.root.Environments() || filepath.Dir(path) == m.root.OldEnvs() // the caller stands where the envs lie
	if id == "" || exists(path) && !ours {                                                        // a model
		if what != "" && m.cli.Model != what {
			return "", fault.New(fault.BadUsage, "%s and -m %s are two models", what, m.cli.Model).Fix("name one of them; with -m the other word is the id of an old environment: modelrun list")
		}
		model, err := m.quiet().model()
		if model.OldID() == "" {
			return "", err
		}
		m.pick = m.modelName(target{model: model})
		return model.OldID(), nil
	}
	m.pick = fault.Quote(what)
	if m.cli.Model == what { // what was named is no model
		m.pick += m.keyOptions()
		m.set.one[sModel] = m.unnamed
		return id, nil
	}
	model, err := m.quiet().model()
	if got := model.OldID(); got == "" {
		return "", err
	} else if got != id {
		return "", fault.New(fault.BadUsage, "%s is not the old environment of %s, which has the id %s", id, m.cli.Model, got).
			Fix("name its own model; when that is gone nothing starts it any more, and it can be deleted: %s", fault.Remove(m.root.Old(id).Path))
	}
	m.pick += " -m " + m.modelName(target{model: model})
	return id, nil
}

// quiet is this session without a word.
func (s *session) quiet() *session {
	one := *s
	one.log = hclog.NewInterceptLogger(&hclog.LoggerOptions{Output: io.Discard})
	return &one
}

// restorable says why a migrated env cannot be moved back. Of several of one
// model the user says which.
func (m *migration) restorable(d envdir.Dir, all []envdir.Dir) error {
	for _, other := range all {
		if other.Name == d.Name && other.Path != d.Path {
			return fault.New(fault.BadUsage, "%s was migrated more than once", d.Name).Fix("say which: %s", m.command(filepath.Base(d.Path)))
		}
	}
	return m.deps.Store.Restorable(d)
}

// look says what would become of one old env.
func (m *migration) look(ctx context.Context, e *migrateEnv, again bool) {
	if e.Model == "" {
		e.block(fault.New(fault.NoModel, "nothing here says which model it belongs to").
			Fix("name it: %s", m.command(e.ID+" -m MODEL")))
	} else {
		e.one = m.forModel(e.Model, envdir.ID(e.ID))
		if again { // what is said of the machine is said once
			e.one.log = e.one.quiet().log
		}
		var err error
		if e.req, err = e.one.request(ctx); err == nil && e.req.Old != envdir.ID(e.ID) {
			err = fault.New(fault.BadModel, "model %s has another id now: %s", e.Model, e.req.Old).Fix("name its own model: %s", m.command(e.ID+" -m MODEL"))
			e.req = nil
		}
		if err != nil {
			e.block(m.unneeded(e, err))
		} else {
			e.Key = string(e.req.Key)
			if e.err == nil { // else why not is said
				e.block(m.serving(ctx, e))
			}
		}
	}
	why := m.deps.Store.Movable(e.dir)
	if why != nil && (e.err == nil || fault.CodeOf(why) == fault.InUse) {
		e.err, e.PIDs = nil, []int{} // who runs in it is worth more than the rest
		e.block(why)
	}
}

// unneeded says what to do about an old env whose model cannot be looked at.
func (m *migration) unneeded(e *migrateEnv, err error) error {
	if filepath.IsAbs(e.Model) && !exists(e.Model) {
		return fault.New(fault.BadModel, "its model is gone: %s", e.Model).Fix("nothing starts it any more: %s", fault.Remove(e.Path))
	}
	return err
}

// serving says in the plan which shared env would serve the model, or why none
// would.
func (m *migration) serving(ctx context.Context, e *migrateEnv) error {
	want := *e.req
	want.Policy.DryRun, want.Policy.IgnorePause = true, true
	res, trace, err := resolve.Ensure(e.one.deps()).Resolve(ctx, &want)
	var none *resolve.NoEnv
	switch {
	case err == nil && res.Verdict.UnknownType:
		return fitFor(e, res)
	case err == nil:
		e.Reason = res.Reason
		return nil
	case !errors.As(err, &none):
		return err
	}
	last := trace[len(trace)-1] // create's
	creates := last.DryRun
	if creates && exists(m.root.Shared(e.req.Key).Path) {
		e.Reason = trace[0].Reason + "; it would be made anew"
		return nil
	}
	if creates {
		e.Reason = e.Key + " is not there yet; it would be made first"
		return nil
	}
	return fault.New(none.Code(), "%s", last.Reason).Fix("%s", last.Remedy)
}
