package resolve

import (
	"context"
	"fmt"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/health"
)

// lastResort uses what is there although it is not known to work, and says so:
// an env whose check could not be finished, or an old env whose python starts.
type lastResort struct{ *Deps }

func (lastResort) Name() string { return nameLastResort }

func (l lastResort) Resolve(ctx context.Context, w *Walk) (*Resolution, error) {
	req := w.Req
	if req.Policy.NoDegraded {
		return nil, skipFor(fault.New(fault.NoEnv, "--no-degraded forbids it").Fix("leave it out to run in an environment that is not known to work"))
	}
	if w.doubt != nil && w.doubt.verdict.State == health.Unknown {
		res, err := l.try(ctx, w, w.doubt.dir, w.doubt.verdict)
		if res != nil || err != nil {
			return res, err
		}
	}
	if req.Old == "" {
		return nil, skip("no model is named, so there is no old environment to fall back to")
	}
	dir := req.Root.Old(req.Old)
	if w.old.Absent || !w.oldSeen {
		return nil, skip("there is no old environment to fall back to: %s does not exist", dir.Path)
	}
	if req.Policy.RequireGPU && w.old.State == health.Broken {
		return nil, skipFor(fault.New(fault.NoGPU, "--require-gpu forbids it: the old environment %s may run on the CPU: %s", dir.Path, w.old.Reason).
			Fix("leave it out to run in an environment that is not known to work"))
	}
	res, err := l.try(ctx, w, dir, w.old)
	if res == nil && err == nil {
		return nil, skip("the python of the old environment %s does not start: %s", dir.Path, w.old.Reason)
	}
	return res, err
}

func (l lastResort) try(ctx context.Context, w *Walk, dir envdir.Dir, v health.Verdict) (*Resolution, error) {
	lease, err := l.lease(ctx, w, dir)
	if err != nil {
		return nil, err
	}
	if !w.Req.Policy.Dry {
		if err := l.Check.Starts(ctx, dir); err != nil {
			lease.Release()
			return nil, context.Cause(ctx) // nil unless we were interrupted: then the next one
		}
		l.say(w, dir, v)
	}
	return &Resolution{
		Dir: dir, Verdict: v, Lease: lease, Degraded: true, Code: fault.Degraded,
		Reason: "degraded: " + describe(dir, v),
	}, nil
}

// say names the true cause: a failed creation, one that was not tried, or a
// check that could not be finished.
func (l lastResort) say(w *Walk, dir envdir.Dir, v health.Verdict) {
	switch {
	case w.failed != nil:
		l.Log.Warn("⚠ New env creation failed, attempting to use old environment as last resort")
		l.Log.Warn("creation failed: " + w.failed.Error())
	case w.timedOut != nil:
		l.Log.Warn("⚠ " + w.timedOut.Text + "; using the old environment as last resort")
	default:
		l.Log.Warn(fmt.Sprintf("⚠ Using environment %s as last resort; nothing was created: %s", dir.Name, w.notCreated()))
	}
	l.Log.Warn(fmt.Sprintf("degraded: %s; python: %s", describe(dir, v), dir.Python()))
}
