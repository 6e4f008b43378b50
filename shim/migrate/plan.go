package migrate

import (
	"github.com/modelrun/modelrun/shim/app"

	"cmp"
	"context"
	"errors"
	"path/filepath"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/usage"
	"github.com/modelrun/modelrun/shim/target"
)

// plan finds the old envs and decides what would happen to each. It changes nothing
// and runs nothing from the root.
func (m *migration) plan(ctx context.Context) error {
	old, err := m.deps.Store.OldEnvs().InPlace()
	if err != nil {
		return err
	}
	moved, err := m.deps.Store.OldEnvs().Migrated()
	if err != nil {
		return err
	}
	dirs := old
	if m.doc.Undo {
		dirs = moved
	}
	if err := m.choose(append(old, moved...)); err != nil {
		return err
	}
	dirs = m.only(dirs)
	models := m.app.OldModels(dirs)
	var ready, blocked []migrateEnv
	for i, d := range dirs {
		e := migrateEnv{ID: d.Name, Model: models[envdir.ID(d.Name)], State: migrateReady, PIDs: []int{}, Path: d.Path, dir: d}
		e.block(cmp.Or(m.deps.Trusted(d), m.app.CheckTrusted(m.app.Config.Root().OldEnvs())))
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

// only returns the env that the user named, or all envs. The name of a folder in
// .old is longer than the env's id: it distinguishes several envs of one model.
func (m *migration) only(dirs []envdir.Dir) (out []envdir.Dir) {
	id, _, isFolder := envdir.ParseRetired(m.o.What)
	isFolder = isFolder && m.doc.Undo && id == string(m.id)
	for _, d := range dirs {
		if m.id == "" || d.Name == string(m.id) && (!isFolder || filepath.Base(d.Path) == m.o.What) {
			out = append(out, d)
		}
	}
	return out
}

// order puts the envs that can be moved first, and computes the freed bytes in that
// order.
func (m *migration) order(ready, blocked []migrateEnv) {
	m.doc.Envs = append(append(m.doc.Envs, ready...), blocked...)
	paths := make([]string, len(m.doc.Envs))
	for i, e := range m.doc.Envs {
		paths[i] = e.Path
	}
	for i, n := range usage.Frees(paths) {
		m.doc.Envs[i].Bytes = n
	}
}

// choose finds the env that the user named by its model or its id, and sets m.id
// and m.pick. Both stay empty if the user named none. have holds the old envs and
// the migrated ones.
func (m *migration) choose(have []envdir.Dir) error {
	what, model := m.o.What, m.app.Config.Flag("model")
	if model == "" {
		return nil
	}
	id := m.idOf(what, have)
	if id == "" {
		if what != "" && model != what {
			return fault.New(fault.BadUsage, "%s and -m %s are two models", what, model).Fix("name one of them; with -m the other word is the id of an old environment: modelrun list")
		}
		own, name, err := m.namedModel()
		if own != "" {
			m.id, m.pick, err = own, name, nil
		}
		return err
	}
	m.id, m.pick = id, fault.Quote(what)
	if model == what { // the argument is an id, so no model is named
		m.pick += m.app.Finder().KeyOptions()
		m.app = m.app.WithConfig(m.app.Config.With("model", m.app.Config.UnnamedModel()))
		return nil
	}
	own, name, err := m.namedModel()
	if own == "" {
		return err
	}
	if own != id {
		return fault.New(fault.BadUsage, "%s is not the old environment of %s, which has the id %s", id, model, own).
			Fix("name its own model; when that is gone nothing starts it any more, and it can be deleted: %s", fault.Remove(m.app.Config.Root().Old(id).Path))
	}
	m.pick += " -m " + name
	return nil
}

// idOf returns the id of the env that an argument names. It returns "" if the
// argument names none, or is the path of a model. In the folder of the old envs
// itself, an id is not a model.
func (m *migration) idOf(what string, have []envdir.Dir) (id envdir.ID) {
	for _, d := range have {
		if d.Name == what || m.doc.Undo && filepath.Base(d.Path) == what {
			id = envdir.ID(d.Name)
		}
	}
	root, path := m.app.Config.Root(), fsys.Absolute(what, m.app.Config.Base())
	if dir := filepath.Dir(path); dir != root.Environments() && dir != root.OldEnvs() && fsys.Exists(path) {
		return ""
	}
	return id
}

// namedModel returns the old id of the model that the user named, and the model's
// name quoted for a shell. If the model cannot be read, the id is "" and err says
// why.
func (m *migration) namedModel() (id envdir.ID, name string, err error) {
	finder := m.app.Silent().Finder()
	model, err := finder.Model()
	return model.OldID(), finder.ModelName(target.Target{Model: model}), err
}

// restorable returns the reason why a migrated env cannot be moved back. If a model
// has several, the user must choose one.
func (m *migration) restorable(d envdir.Dir, all []envdir.Dir) error {
	for _, other := range all {
		if other.Name == d.Name && other.Path != d.Path {
			words := filepath.Base(d.Path)
			if m.doc.Done {
				words += " --yes"
			}
			return fault.New(fault.BadUsage, "%s was migrated more than once", d.Name).Fix("say which: %s", m.command(words))
		}
	}
	return m.deps.Store.OldEnvs().Restorable(d)
}

// look decides what would happen to one old env. silent is set if an earlier env
// has already logged everything about this machine.
func (m *migration) look(ctx context.Context, e *migrateEnv, silent bool) {
	if e.Model == "" {
		e.block(fault.New(fault.NoModel, "nothing here says which model it belongs to").
			Fix("name it: %s", m.command(e.ID+" -m MODEL")))
	} else {
		e.wanted.app = m.app.ForModel(e.Model, envdir.ID(e.ID))
		planner := e.wanted.app
		if silent {
			planner = planner.Silent()
		}
		m.lookAtModel(ctx, e, planner)
	}
	why := m.deps.Store.OldEnvs().Movable(e.dir)
	if why != nil && (e.err == nil || fault.CodeOf(why) == fault.InUse) {
		e.err, e.PIDs = nil, []int{} // programs that use it matter more than any other reason
		e.block(why)
	}
}

// lookAtModel finds the shared env for the model of an old env.
func (m *migration) lookAtModel(ctx context.Context, e *migrateEnv, planner *app.App) {
	t, request, err := planner.Finder().Request(ctx)
	if err == nil && request.Model.ID != envdir.ID(e.ID) {
		err = fault.New(fault.BadModel, "model %s has another id now: %s", e.Model, request.Model.ID).Fix("name its own model: %s", m.command(e.ID+" -m MODEL"))
	}
	if err != nil {
		e.block(modelFault(e, err))
		return
	}
	e.wanted.target, e.wanted.request = t, request
	e.Key = string(request.Key)
	if e.err == nil { // otherwise the reason is known
		e.block(serving(ctx, e, planner))
	}
}

// modelFault returns the error, with a remedy, for an old env whose model cannot be
// read.
func modelFault(e *migrateEnv, err error) error {
	if filepath.IsAbs(e.Model) && !fsys.Exists(e.Model) {
		return fault.New(fault.BadModel, "its model is gone: %s", e.Model).Fix("nothing starts it any more: %s", fault.Remove(e.Path))
	}
	return err
}

// planWatcher notes whether the chain gets a plan. The chain asks for one if
// nothing prevents creation of the env.
type planWatcher struct {
	resolve.Caller
	planned bool
}

// Plan returns the plan of the wrapped caller.
func (w *planWatcher) Plan(ctx context.Context, request *resolve.Request) (profile.Plan, error) {
	plan, err := w.Caller.Plan(ctx, request)
	w.planned = err == nil
	return plan, err
}

// serving sets the reason of an env to the shared env that would serve its model.
// If none would, it returns the reason.
func serving(ctx context.Context, e *migrateEnv, planner *app.App) error {
	request := *e.wanted.request
	request.Policy.DryRun, request.Policy.IgnorePause = true, true
	deps := *planner.Deps(e.wanted.target)
	watcher := &planWatcher{Caller: deps.Caller}
	deps.Caller = watcher
	res, trace, err := resolve.Ensure(&deps).Resolve(ctx, &request)
	var none *resolve.NoEnv
	switch {
	case err == nil && res.Verdict.UnknownType:
		return checkServes(e.wanted, res)
	case err == nil:
		e.Reason = res.Reason
		return nil
	case !errors.As(err, &none):
		return err
	}
	switch last := trace[len(trace)-1]; {
	case !watcher.planned:
		return fault.New(none.Code(), "%s", last.Reason).Fix("%s", last.Remedy)
	case fsys.Exists(planner.Config.Root().Shared(request.Key).Path):
		e.Reason = trace[0].Reason + "; it would be made anew"
	default:
		e.Reason = e.Key + " is not there yet; it would be made first"
	}
	return nil
}
