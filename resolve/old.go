package resolve

import (
	"context"
	"fmt"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/health"
)

// old uses the model's env from before shared envs, when it is healthy by the
// lenient needs that the app had for it. It reads it and never writes it.
type old struct{ *Deps }

func (old) Name() string { return nameOld }

func (o old) Resolve(ctx context.Context, w *Walk) (*Resolution, error) {
	req := w.Req
	if req.Old == "" {
		return nil, skip("no model is named, so there is no old environment to look for")
	}
	dir := req.Root.Old(req.Old)
	o.Log.Debug("Checking old per-model environment: " + dir.Python())
	if fsys.Missing(dir.Path) {
		return nil, o.absent(w)
	}
	lease, err := o.lease(ctx, w, dir)
	if err != nil {
		return nil, err
	}
	v, err := o.checkAll(ctx, w, dir, req.Accel, req.OldImports)
	if err != nil {
		lease.Release()
		return nil, err
	}
	if v.Absent && fsys.Missing(dir.Path) { // it was moved while we waited for the lease
		lease.Release()
		return nil, o.absent(w)
	}
	w.old, w.oldSeen = v, true
	if v.State != health.Healthy && !(req.Policy.Dry && v.Code == health.CodeUnverified) {
		lease.Release()
		return nil, o.unfit(w, v)
	}
	if !req.Policy.Dry {
		o.say(w)
	}
	return &Resolution{Dir: dir, Verdict: v, Lease: lease, Reason: "old environment " + describe(dir, v)}, nil
}

// absent says whether the old env is gone for good, or was migrated.
func (o old) absent(w *Walk) error {
	req := w.Req
	dir := req.Root.Old(req.Old)
	w.old, w.oldSeen = health.Verdict{State: health.Broken, Absent: true, Code: health.CodeAbsent}, true
	migrated, _ := o.Store.Migrated() // none that we may see
	for _, m := range migrated {
		if m.Name == dir.Name {
			w.migrated = true
			return skipFor(fault.New(fault.NoEnv, "%s was migrated to %s", dir.Path, m.Path).Fix("modelrun migrate%s --undo %s", req.RootOption, req.ModelName))
		}
	}
	return skip("%s does not exist", dir.Path)
}

// unfit says why an old env that is there is not taken. One that is broken for
// everybody is mended by moving over.
func (o old) unfit(w *Walk, v health.Verdict) error {
	dir := w.Req.Root.Old(w.Req.Old)
	if v.State != health.Broken || v.Code == health.CodeLacks {
		return &Skip{Code: fault.NoEnv, Reason: describe(dir, v)}
	}
	return skipFor(fault.New(fault.NoEnv, "%s", describe(dir, v)).Fix("modelrun migrate%s %s", w.Req.RootOption, w.Req.ModelName))
}

// say tells what the user knows from the app, and why the shared env was not it.
func (o old) say(w *Walk) {
	if s := w.shared; w.sharedSeen && !s.Absent && s.State == health.Broken {
		o.Log.Warn(fmt.Sprintf("shared environment %s is broken: %s", w.Req.Key, s.Reason))
	}
	o.Log.Info("✓ Using healthy old per-model environment (migration fallback)")
	o.Log.Info(fmt.Sprintf("To migrate to new shared envs, run: modelrun migrate%s %s; or delete: %s", w.Req.RootOption, w.Req.ModelName, w.Req.Root.Old(w.Req.Old).Path))
}
