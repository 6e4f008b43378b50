package resolve

import (
	"context"
	"fmt"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/health"
)

// lastResort uses an env that is not known to work, with a warning: one whose check could not be finished,
// or an old env whose python starts.
type lastResort struct{ *Deps }

func (lastResort) name() string { return nameLastResort }

func (l lastResort) resolve(ctx context.Context, st *state) (*Resolution, error) {
	req := st.req
	if req.Policy.NoDegraded {
		return nil, skipBecause(fault.New(fault.NoEnv, "--no-degraded forbids it").Fix("leave it out to run in an environment that is not known to work"))
	}
	if st.unverified != nil && st.unverified.verdict.State == health.Unknown {
		res, err := l.use(ctx, st, st.unverified.dir, st.unverified.verdict)
		if res != nil || err != nil {
			return res, err
		}
	}
	if req.Model.ID == "" {
		return nil, skip("no model is named, so there is no old environment to fall back to")
	}
	dir := req.Root.Old(req.Model.ID)
	if st.oldVerdict.Absent || !st.oldChecked {
		return nil, skip("there is no old environment to fall back to: %s does not exist", dir.Path)
	}
	if req.Policy.RequireGPU && st.oldVerdict.State == health.Broken {
		return nil, skipBecause(fault.New(fault.NoGPU, "--require-gpu forbids it: the old environment %s may run on the CPU: %s", dir.Path, st.oldVerdict.Reason).
			Fix("leave it out to run in an environment that is not known to work"))
	}
	res, err := l.use(ctx, st, dir, st.oldVerdict)
	if res == nil && err == nil {
		return nil, skip("the python of the old environment %s does not start: %s", dir.Path, st.oldVerdict.Reason)
	}
	return res, err
}

// use returns the env in dir as degraded if its python starts, or else nil.
func (l lastResort) use(ctx context.Context, st *state, dir envdir.Dir, v health.Verdict) (*Resolution, error) {
	lease, err := l.lease(ctx, st, dir)
	if err != nil {
		return nil, err
	}
	if !st.req.Policy.DryRun {
		if err := l.Check.Starts(ctx, dir); err != nil {
			lease.Release()
			return nil, context.Cause(ctx) // nil unless interrupted: the caller tries the next env
		}
		l.warn(st, dir, v)
	}
	return &Resolution{
		Dir: dir, Verdict: v, Lease: lease, Degraded: true, Code: fault.Degraded,
		Reason: "degraded: " + describe(dir, v),
	}, nil
}

// warn logs why there is no better env: a creation that failed, timed out or was not tried, or a check that
// could not be finished.
func (l lastResort) warn(st *state, dir envdir.Dir, v health.Verdict) {
	switch {
	case st.createErr != nil:
		l.Log.Warn("⚠ New env creation failed, attempting to use old environment as last resort")
		l.Log.Warn("creation failed: " + st.createErr.Error())
	case st.timedOut != nil:
		l.Log.Warn("⚠ " + st.timedOut.Text + "; using the old environment as last resort")
	default:
		l.Log.Warn(fmt.Sprintf("⚠ Using environment %s as last resort; nothing was created: %s", dir.Name, st.creationReason()))
	}
	l.Log.Warn(fmt.Sprintf("degraded: %s; python: %s", describe(dir, v), dir.Python()))
}
