package resolve

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/store"
)

// shared uses the env that all models with the same key share, or a compatible one. It does not build or
// repair: create does.
type shared struct{ *Deps }

func (shared) name() string { return nameShared }

func (s shared) resolve(ctx context.Context, st *state) (*Resolution, error) {
	req := st.req
	st.unverified = nil // it was set by an earlier look, and may be another env now
	res, v, err := s.resolveExact(ctx, st)
	if err != nil {
		return nil, err
	}
	st.sharedVerdict, st.sharedChecked = v, true
	if res != nil {
		if req.Policy.DryRun {
			res.Reason = req.withBase(res.Reason)
		}
		if err := s.checkPlan(ctx, st, res); err != nil {
			res.Lease.Release()
			return nil, err
		}
		return res, nil
	}
	if !req.Exact {
		if res, err = s.resolveCompatible(ctx, st); res != nil || err != nil {
			return res, err
		}
	}
	return nil, &Skip{Code: fault.NoEnv, Reason: req.withBase(describe(req.Root.Shared(req.Key), v))}
}

// resolveExact tries the envs of the wanted key: first the one that waits in .next, then the published one.
func (s shared) resolveExact(ctx context.Context, st *state) (*Resolution, health.Verdict, error) {
	req := st.req
	next, published := req.Root.Next(req.Key), req.Root.Shared(req.Key)
	waiting := !fsys.Missing(next.Path)
	if !waiting && !fsys.Missing(published.Path) { // usually this takes two stats
		return s.useEnv(ctx, st, published, req.Accel, req.Imports)
	}
	if !req.Policy.DryRun && (waiting || !fsys.Missing(req.Root.Files(req.Key).Journal())) {
		if err := s.recoverKey(ctx, req.Key); err != nil {
			return nil, health.Verdict{}, err
		}
	}
	if !fsys.Missing(next.Path) { // checked again, because another process may have put it there
		res, v, err := s.tryEnv(ctx, st, next, req.Accel, req.Imports)
		if res != nil || err != nil {
			return res, v, err
		}
	}
	return s.tryEnv(ctx, st, published, req.Accel, req.Imports)
}

// recoverKey moves an env that waits in .next to its place, if no program uses either, and completes a
// publish that a crash interrupted. If another process works on the key or the root cannot be written, a
// later start does it.
//
// Its only error is an interruption: Ctrl-C ends the start after the recovery, not in the middle of it.
func (s shared) recoverKey(ctx context.Context, key envdir.Key) error {
	_, err := s.interruptible(ctx, func(context.Context) (*Resolution, error) {
		lock, err := s.Store.TryLock(key)
		if err != nil {
			return nil, nil //nolint:nilerr,nilnil // a later start recovers
		}
		err = lock.Recover()
		if e := errors.Join(err, lock.Unlock()); e != nil {
			s.Log.Debug("tidying up " + string(key) + ": " + e.Error())
		}
		s.Store.EmptyTrash()
		return nil, nil //nolint:nilnil // the caller looks at the result
	})
	return err
}

// tryEnv calls useEnv for an env that may not exist.
func (s shared) tryEnv(ctx context.Context, st *state, dir envdir.Dir, accel string, imports []profile.Import) (*Resolution, health.Verdict, error) {
	if fsys.Missing(dir.Path) {
		return nil, health.Verdict{State: health.Broken, Code: health.CodeAbsent, Absent: true, Reason: "not there"}, nil
	}
	return s.useEnv(ctx, st, dir, accel, imports)
}

// useEnv takes the lease of an env and checks it. It returns no resolution for an env that is not usable.
//
// The lease comes first. A lease that is taken after the check can lose against a prune in between (measured:
// 3,265 of 20,000 starts; lease first: 0).
func (s shared) useEnv(ctx context.Context, st *state, dir envdir.Dir, accel string, imports []profile.Import) (*Resolution, health.Verdict, error) {
	lease, err := s.lease(ctx, st, dir)
	if err != nil {
		return nil, health.Verdict{}, err
	}
	v, err := s.checkWithNeeds(ctx, st, dir, accel, imports)
	if err != nil {
		lease.Release()
		return nil, v, err
	}
	res := &Resolution{Dir: dir, Verdict: v, Lease: lease, Reason: describe(dir, v)}
	switch {
	case v.State == health.Healthy:
		return res, v, nil
	case v.State == health.Unknown && v.Sealed:
		// The seal proves that the env was complete. A busy GPU is not a reason to rebuild it.
		if !st.req.Policy.DryRun {
			s.Log.Warn(fmt.Sprintf("environment %s could not be checked: %s; using it as it was sealed", dir.Name, v.Reason))
		}
		return res, v, nil
	case v.State == health.Unknown && v.Code == health.CodeUnverified && st.req.Policy.DryRun:
		return res, v, nil // a launch would probe it, and most likely use it
	case v.State == health.Unknown && (st.unverified == nil || st.unverified.verdict.State == health.Broken),
		st.unverified == nil && v.Sealed && v.Code == health.CodeNoCUDA:
		st.unverified = &unverifiedEnv{dir, v} // the last resort uses the first unknown one
	}
	lease.Release()
	return nil, v, nil
}

// resolveCompatible tries the envs of other keys that may serve the request.
func (s shared) resolveCompatible(ctx context.Context, st *state) (*Resolution, error) {
	req := st.req
	have, err := s.Store.Catalogue().Keys()
	if err != nil {
		return nil, err
	}
	for _, alt := range s.Caller.Compatible(ctx, req, have) {
		res, _, err := s.tryEnv(ctx, st, req.Root.Shared(alt.Key), alt.Accel, alt.Imports)
		if err != nil {
			return nil, err
		}
		if res == nil {
			continue
		}
		res.Reason = fmt.Sprintf("%s serves %s: %s", alt.Key, req.Key, res.Reason)
		s.Log.Debug(fmt.Sprintf("Using compatible environment %s for %s; to build the exact one, run: modelrun ensure%s --update%s", alt.Key, req.Key, req.RootOption, req.Wanted()))
		return res, nil
	}
	return nil, nil
}

// checkPlan skips a healthy env that ensure is to rebuild, and logs if the plan of an env has changed. On the
// launch path it keeps the env, because a start must not begin with an unexpected 5 GB download.
func (s shared) checkPlan(ctx context.Context, st *state, res *Resolution) error {
	req := st.req
	if res.Dir.Name != string(req.Key) {
		return nil
	}
	if req.Policy.Rebuild {
		return skip("%s is there; --rebuild replaces it", req.Key)
	}
	if err := checkSealedNeeds(req, res); err != nil {
		return err
	}
	if err := s.checkSources(req, res.Verdict.Seal); err != nil {
		return err
	}
	reason, err := s.planChange(ctx, st, res)
	if err != nil || reason == "" {
		return err
	}
	if req.Policy.Update {
		return skip("%s; --update replaces it", reason)
	}
	return nil
}

// planChange compares the seal with the plan and returns what has changed. It returns "" if no difference
// matters, or if the two cannot be compared. An env that was built from an embedded profile is compared only
// for ensure --update, for a key of [envs], and for a line at debug level: embedded profiles change with
// modelrun.
func (s shared) planChange(ctx context.Context, st *state, res *Resolution) (string, error) {
	req := st.req
	seal := res.Verdict.Seal
	embedded := seal.Own == "" && seal.ProfilePath == ""
	own := req.Own != "" && req.Key == req.Base
	if embedded && !req.Policy.Update && !own && !s.Log.IsDebug() {
		return "", nil
	}
	if seal.Plan == "" || req.Own != "" && req.Own == seal.OwnHash && !req.Policy.Update {
		return "", nil // of a base from a profile only newer versions could differ
	}
	plan, err := s.Caller.Plan(ctx, req)
	if err != nil {
		if req.Policy.Update {
			return "", err
		}
		return "", nil // the env is healthy, with or without a plan
	}
	if plan.Hash() == seal.Plan {
		return "", nil
	}
	if plan.Own != "" || seal.Own != "" {
		if req.Policy.Update {
			return "its definition has changed", nil
		}
		return "", fault.New(fault.OtherContent, "env key %s: %s was built from another definition than the one in %s", req.Key, res.Dir.Path, cmp.Or(plan.Own, "the profiles")).
			Fix("give the new definition a key of its own, or replace the env: modelrun ensure%s --update%s", req.RootOption, req.Wanted())
	}
	reason := fmt.Sprintf("profile %s has changed since %s was built", plan.Profile, req.Key)
	if !req.Policy.Update && embedded {
		s.Log.Debug(reason + "; ensure --update rebuilds it")
	} else if !req.Policy.Update {
		s.Log.Info(fmt.Sprintf("%s; keeping it. To rebuild, run: modelrun ensure%s --update%s", reason, req.RootOption, req.Wanted()))
	}
	return reason, nil
}

// lease takes the lease of an env. A dry run takes none.
func (d *Deps) lease(ctx context.Context, st *state, dir envdir.Dir) (*store.Lease, error) {
	if st.req.Policy.DryRun {
		return nil, nil
	}
	return d.Store.Lease(ctx, dir)
}

// describe returns in a few words what a verdict means for an env.
func describe(dir envdir.Dir, v health.Verdict) string {
	switch {
	case v.State == health.Healthy:
		return dir.Name + " is healthy"
	case v.Code == health.CodeLacks:
		return dir.Name + " " + v.Reason
	case v.Absent && !fsys.Missing(dir.Path):
		return v.Reason // the folder exists, but contains no env
	case v.Absent:
		return dir.Path + " does not exist"
	case v.State == health.Unknown:
		return fmt.Sprintf("%s: not known to work: %s", dir.Name, v.Reason)
	}
	return fmt.Sprintf("%s is broken: %s", dir.Name, v.Reason)
}
