package resolve

import (
	"context"
	"fmt"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/health"
)

// old uses the model's own env from before shared envs, if it passes the lenient checks that the app had for
// it. It only reads that env.
type old struct{ *Deps }

func (old) name() string { return nameOld }

func (o old) resolve(ctx context.Context, st *state) (*Resolution, error) {
	req := st.req
	if req.Model.ID == "" {
		return nil, skip("no model is named, so there is no old environment to look for")
	}
	dir := req.Root.Old(req.Model.ID)
	o.Log.Debug("Checking old per-model environment: " + dir.Python())
	if fsys.Missing(dir.Path) {
		return nil, o.skipAbsent(st)
	}
	lease, err := o.lease(ctx, st, dir)
	if err != nil {
		return nil, err
	}
	v, err := o.checkWithNeeds(ctx, st, dir, req.Accel, req.Model.Imports)
	if err != nil {
		lease.Release()
		return nil, err
	}
	if v.Absent && fsys.Missing(dir.Path) { // it was moved while this process waited for the lease
		lease.Release()
		return nil, o.skipAbsent(st)
	}
	st.oldVerdict, st.oldChecked = v, true
	if v.State != health.Healthy && !(req.Policy.DryRun && v.Code == health.CodeUnverified) {
		lease.Release()
		return nil, o.skipUnfit(st, v)
	}
	if !req.Policy.DryRun {
		o.logUse(st)
	}
	return &Resolution{Dir: dir, Verdict: v, Lease: lease, Reason: "old environment " + describe(dir, v)}, nil
}

// skipAbsent skips an old env that does not exist. If it was migrated, the reason gives its new path.
func (o old) skipAbsent(st *state) error {
	req := st.req
	dir := req.Root.Old(req.Model.ID)
	st.oldVerdict, st.oldChecked = health.Verdict{State: health.Broken, Absent: true, Code: health.CodeAbsent}, true
	migrated, _ := o.Store.OldEnvs().Migrated() // after an error none is visible
	for _, m := range migrated {
		if m.Name == dir.Name {
			st.migrated = true
			return skipBecause(fault.New(fault.NoEnv, "%s was migrated to %s", dir.Path, m.Path).Fix("modelrun migrate%s --undo %s", req.RootOption, req.Model.Name))
		}
	}
	return skip("%s does not exist", dir.Path)
}

// skipUnfit returns the reason why an existing old env is not used. The remedy for a broken one is to
// migrate.
func (o old) skipUnfit(st *state, v health.Verdict) error {
	dir := st.req.Root.Old(st.req.Model.ID)
	if v.State != health.Broken || v.Code == health.CodeLacks {
		return &Skip{Code: fault.NoEnv, Reason: describe(dir, v)}
	}
	return skipBecause(fault.New(fault.NoEnv, "%s", describe(dir, v)).Fix("modelrun migrate%s %s", st.req.RootOption, st.req.Model.Name))
}

// logUse logs the same lines as the app did, and why the shared env was not used.
func (o old) logUse(st *state) {
	if s := st.sharedVerdict; st.sharedChecked && !s.Absent && s.State == health.Broken {
		o.Log.Warn(fmt.Sprintf("shared environment %s is broken: %s", st.req.Key, s.Reason))
	}
	o.Log.Info("✓ Using healthy old per-model environment (migration fallback)")
	o.Log.Info(fmt.Sprintf("To migrate to new shared envs, run: modelrun migrate%s %s; or delete: %s", st.req.RootOption, st.req.Model.Name, st.req.Root.Old(st.req.Model.ID).Path))
}
