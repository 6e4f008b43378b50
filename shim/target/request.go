package target

import (
	"context"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/profile"
)

// Request finds the target, and makes the request for the chain.
func (f Finder) Request(ctx context.Context) (Target, *resolve.Request, error) {
	t, err := f.Find(ctx)
	if err != nil {
		return t, nil, err
	}
	if t, err = f.withNeeds(ctx, t); err != nil {
		return t, nil, err
	}
	c := f.Config
	req := &resolve.Request{
		Root: c.Root(), Key: t.Key, Base: t.Base, With: t.With, Terms: t.Terms, Exact: t.Exact && t.Key == t.Base, Named: t.Named, Accel: t.Accel,
		Imports: t.imports(), RootOption: f.RootOption(),
		Model: resolve.Model{ID: t.Model.OldID(), Imports: t.Family.Old, Name: f.ModelName(t), Type: t.modelType()},
		Policy: resolve.Policy{
			NoCreate: c.Bool("no_create"), NoDegraded: c.Bool("no_degraded"), RequireGPU: c.Bool("require_gpu"),
			Wait: c.Duration("wait"), CreateTimeout: c.Duration("create_timeout"),
		},
	}
	if t.Own != nil && t.Lock == nil {
		req.Own = t.Own.Hash()
	}
	if t.Family.GPU && t.Accel != "cpu" && t.Accel != "" || t.Accel == "" && req.Policy.RequireGPU {
		m, err := f.Machine.Machine(ctx)
		if err != nil {
			return t, nil, err
		}
		req.CUDA = m.HasGPU() && (t.Lock == nil || t.Lock.file.Has("torch"))
	}
	f.Log.Debug("Resolved env_key: " + string(t.Key))
	return t, req, nil
}

// modelType returns the type that the env's transformers must know. It is "" for a
// model with code of its own.
func (t Target) modelType() string {
	if t.Model.Code {
		return ""
	}
	return t.Model.Type
}

// imports returns the modules that a shared env of the target must import.
func (t Target) imports() []profile.Import {
	all := t.Family.Old // a key of another form: as lenient as with the app's own envs
	switch {
	case t.Own != nil:
		all = t.Own.Needs()
	case t.Canonical:
		all = t.Family.Needs(t.Bnb)
	}
	if t.Lock != nil {
		return t.Lock.imports(all)
	}
	return all
}

// Compatible lists the existing keys that may serve a target instead of its own
// key, best first.
func (f Finder) Compatible(ctx context.Context, t Target, have []envdir.Key) []resolve.Alternative {
	if !t.Terms.Empty() { // no other env was made under these terms
		return nil
	}
	var out []resolve.Alternative
	if t.Key != t.Base { // the env of the key itself, if it has the packages
		out = append(out, resolve.Alternative{Key: t.Base, Accel: t.Accel, Imports: t.imports()})
		if t.Exact {
			return out
		}
	}
	if t.Own != nil || !t.Canonical {
		return out
	}
	m, err := f.Machine.Machine(ctx)
	if err != nil {
		return out
	}
	for _, k := range profile.Compatible(t.Base, have, m) {
		if parts, ok := profile.ParseKey(k); ok && (lines{f}).fits(t, k, parts.Family) {
			out = append(out, resolve.Alternative{Key: k, Accel: parts.Accel, Imports: parts.Family.Needs(t.Bnb)})
		}
	}
	return out
}
