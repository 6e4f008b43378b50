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

// shared uses the env that all models with the same key share, or one that is
// compatible. It never builds or mends one: that is create's work.
type shared struct{ *Deps }

func (shared) Name() string { return nameShared }

func (s shared) Resolve(ctx context.Context, w *Walk) (*Resolution, error) {
	req := w.Req
	w.doubt = nil // of an earlier look: what lies there may be another env now
	res, v, err := s.exact(ctx, w)
	if err != nil {
		return nil, err
	}
	w.shared, w.sharedSeen = v, true
	if res != nil {
		if req.Policy.Dry {
			res.Reason = req.afterBase(res.Reason)
		}
		return res, s.outdated(ctx, w, res)
	}
	if !req.Exact {
		if res, err = s.compatible(ctx, w); res != nil || err != nil {
			return res, err
		}
	}
	return nil, &Skip{Code: fault.NoEnv, Reason: req.afterBase(describe(req.Root.Shared(req.Key), v))}
}

// exact tries the wanted key: first what waits in .next, then what is published.
func (s shared) exact(ctx context.Context, w *Walk) (*Resolution, health.Verdict, error) {
	req := w.Req
	if err := s.tidy(ctx, w); err != nil {
		return nil, health.Verdict{}, err
	}
	for _, dir := range []envdir.Dir{req.Root.Next(req.Key), req.Root.Shared(req.Key)} {
		if dir.Kind == envdir.Next && fsys.Missing(dir.Path) {
			continue // the usual case costs one stat
		}
		res, v, err := s.try(ctx, w, dir, req.Accel, req.Imports)
		if res != nil || err != nil || dir.Kind == envdir.Shared {
			return res, v, err
		}
	}
	panic("unreachable: the published env is always tried last")
}

// tidy moves what waits in .next to its place when nobody is in the way, and
// ends a publish that a crash cut in two. Where somebody works on the key, or
// the root cannot be written, it is left for later. It costs two stats.
//
// Its error is that of Ctrl-C, which must not cut it in two.
func (s shared) tidy(ctx context.Context, w *Walk) error {
	root, key := w.Req.Root, w.Req.Key
	if w.Req.Policy.Dry || fsys.Missing(root.Next(key).Path) && (!fsys.Missing(root.Shared(key).Path) || fsys.Missing(root.Journal(key))) {
		return nil
	}
	_, err := s.interruptible(ctx, func(context.Context) (*Resolution, error) {
		lock, err := s.Store.TryLock(key)
		if err != nil {
			return nil, nil //nolint:nilerr,nilnil // somebody else will
		}
		err = s.Store.Recover(lock)
		if e := errors.Join(err, lock.Unlock()); e != nil {
			s.Log.Debug("tidying up " + string(key) + ": " + e.Error())
		}
		s.Store.EmptyTrash()
		return nil, nil //nolint:nilnil // what is found next tells
	})
	return err
}

// try takes the lease first and checks then: a lease taken after the check
// loses to a pruner (measured: 3,265 of 20,000 starts; lease first: 0).
func (s shared) try(ctx context.Context, w *Walk, dir envdir.Dir, accel string, imports []profile.Import) (*Resolution, health.Verdict, error) {
	if fsys.Missing(dir.Path) {
		return nil, health.Verdict{State: health.Broken, Code: health.CodeAbsent, Absent: true, Reason: "not there"}, nil
	}
	lease, err := s.lease(ctx, w, dir)
	if err != nil {
		return nil, health.Verdict{}, err
	}
	v, err := s.checkAll(ctx, w, dir, accel, imports)
	if err != nil {
		lease.Release()
		return nil, v, err
	}
	use := &Resolution{Dir: dir, Verdict: v, Lease: lease, Reason: describe(dir, v)}
	switch {
	case v.State == health.Healthy:
		return use, v, nil
	case v.State == health.Unknown && v.Sealed:
		// Our seal says it was whole; a busy GPU is no reason to rebuild it.
		if !w.Req.Policy.Dry {
			s.Log.Warn(fmt.Sprintf("environment %s could not be checked: %s; using it as it was sealed", dir.Name, v.Reason))
		}
		return use, v, nil
	case v.State == health.Unknown && v.Code == health.CodeUnverified && w.Req.Policy.Dry:
		return use, v, nil // it would be probed, and most likely taken
	case v.State == health.Unknown && (w.doubt == nil || w.doubt.verdict.State == health.Broken),
		w.doubt == nil && v.Sealed && v.Code == health.CodeNoCUDA:
		w.doubt = &doubt{dir, v} // the last resort takes the first unknown one
	}
	lease.Release()
	return nil, v, nil
}

// compatible tries the other keys that may serve, among those that are there.
func (s shared) compatible(ctx context.Context, w *Walk) (*Resolution, error) {
	req := w.Req
	if req.Compatible == nil {
		return nil, nil
	}
	have, err := s.Store.Keys()
	if err != nil {
		return nil, err
	}
	for _, alt := range req.Compatible(have) {
		res, _, err := s.try(ctx, w, req.Root.Shared(alt.Key), alt.Accel, alt.Imports)
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

// outdated tells whether a healthy env is to be rebuilt all the same (ensure),
// and says when what it was built from has changed. It never rebuilds one on
// the launch path: nobody expects a 5 GB download there.
func (s shared) outdated(ctx context.Context, w *Walk, res *Resolution) error {
	req := w.Req
	if req.Plan == nil || res.Dir.Name != string(req.Key) {
		return nil
	}
	if req.Policy.Rebuild {
		res.Lease.Release()
		return skip("%s is there; --rebuild replaces it", req.Key)
	}
	if err := otherNeeds(req, res); err != nil {
		res.Lease.Release()
		return err
	}
	why, err := s.changed(ctx, w, res)
	if err != nil || why == "" {
		return err
	}
	if req.Policy.Update {
		res.Lease.Release()
		return skip("%s; --update replaces it", why)
	}
	return nil
}

// changed compares the seal with what would be built now: "" when nothing that
// matters differs, or when nothing can be said.
func (s shared) changed(ctx context.Context, w *Walk, res *Resolution) (string, error) {
	req := w.Req
	seal := res.Verdict.Seal
	embedded := seal.Own == "" && seal.ProfilePath == ""
	if !req.Policy.Update && !req.Exact && embedded && !s.Log.IsDebug() {
		return "", nil // embedded profiles change with modelrun: worth a line at debug only
	}
	if seal.Plan == "" {
		return "", nil
	}
	plan, err := req.Plan(ctx)
	if err != nil {
		if req.Policy.Update {
			return "", err
		}
		return "", nil // the env is healthy: what would be built does not matter to it
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
	why := fmt.Sprintf("profile %s has changed since %s was built", plan.Profile, req.Key)
	if !req.Policy.Update && embedded {
		s.Log.Debug(why + "; ensure --update rebuilds it")
	} else if !req.Policy.Update {
		s.Log.Info(fmt.Sprintf("%s; keeping it. To rebuild, run: modelrun ensure%s --update%s", why, req.RootOption, req.Wanted()))
	}
	return why, nil
}

// lease takes the lease, or none where the request only looks.
func (d *Deps) lease(ctx context.Context, w *Walk, dir envdir.Dir) (*store.Lease, error) {
	if w.Req.Policy.Dry {
		return nil, nil
	}
	return d.Store.Lease(ctx, dir)
}

func describe(dir envdir.Dir, v health.Verdict) string {
	switch {
	case v.State == health.Healthy:
		return dir.Name + " is healthy"
	case v.Code == health.CodeLacks:
		return dir.Name + " " + v.Reason
	case v.Absent && !fsys.Missing(dir.Path):
		return v.Reason // the folder is there, and no env in it
	case v.Absent:
		return dir.Path + " does not exist"
	case v.State == health.Unknown:
		return fmt.Sprintf("%s: not known to work: %s", dir.Name, v.Reason)
	}
	return fmt.Sprintf("%s is broken: %s", dir.Name, v.Reason)
}
