package resolve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/store"
)

// create makes the shared env: lock, look again, build, verify, publish.
type create struct {
	*Deps
	shared shared
}

func (create) Name() string { return nameCreate }

func (c create) Resolve(ctx context.Context, w *Walk) (*Resolution, error) {
	if err := c.mayCreate(w); err != nil {
		return nil, err
	}
	if w.Req.Policy.Dry {
		return nil, c.would(ctx, w)
	}
	defer c.Store.GroupUmask()()
	return c.interruptible(ctx, func(ctx context.Context) (*Resolution, error) {
		plan, err := c.Caller.Plan(ctx, w.Req)
		if err != nil {
			return nil, c.give(w, err) // a key that cannot be made leaves no folders
		}
		return c.make(ctx, w, plan)
	})
}

// make takes the lock and builds, or waits for whoever was quicker.
func (c create) make(ctx context.Context, w *Walk, plan profile.Plan) (*Resolution, error) {
	for {
		lock, err := c.Store.TryLock(w.Req.Key)
		if errors.Is(err, store.ErrBusy) {
			// Another waiter was quicker: wait again, like everybody.
			if res, err := wait(c).await(ctx, w); res != nil || err != nil {
				return res, err
			}
			continue
		}
		if err != nil {
			return nil, c.give(w, err)
		}
		return c.locked(ctx, w, lock, plan)
	}
}

// mayCreate says why nothing is to be created, if so.
func (c create) mayCreate(w *Walk) error {
	req := w.Req
	switch {
	case w.failed != nil:
		return skipFor(w.failed)
	case w.timedOut != nil:
		return skipFor(w.timedOut)
	case req.Policy.NoCreate:
		return skipFor(fault.New(fault.NoEnv, "--no-create forbids it").Fix("leave it out, or create it once: modelrun ensure%s%s", req.RootOption, req.Wanted()))
	case !req.Named:
		return skipFor(fault.New(fault.NoModel, "nothing says which model, family or key this is for").
			Fix("name one, for example: modelrun -m path/to/model -- …, or modelrun --family %s -- …", "transformers"))
	case w.shared.Code == health.CodeLacks && req.Key == req.Base:
		// Somebody built it from other versions meanwhile; it is fine for others.
		return skipFor(fault.New(fault.NoEnv, "%s was built by another process and %s", req.Key, w.shared.Reason).Fix("run the same command again"))
	case w.doubt != nil && w.doubt.verdict.State == health.Broken && !req.Policy.Rebuild:
		return skipFor(fault.New(fault.NoEnv, "nothing is rebuilt, %s is as it was sealed: %s", w.doubt.dir.Name, w.doubt.verdict.Reason).Fix(gpuRemedy, req.RootOption, req.Wanted()))
	case w.doubt != nil && !req.Policy.Rebuild:
		return skipFor(fault.New(fault.NoEnv, "nothing is rebuilt because a check could not be finished: %s", w.doubt.verdict.Reason).Fix(busyRemedy, req.RootOption, req.Wanted()))
	case unknown(w.oldSeen, w.old):
		return skipFor(fault.New(fault.NoEnv, "nothing is created because the check of the old environment could not be finished: %s", w.old.Reason).Fix(busyRemedy, req.RootOption, req.Wanted()))
	}
	return nil
}

// gpuRemedy is for an env that is whole, where torch reaches no GPU.
const gpuRemedy = "check the driver (nvidia-smi; a container needs --gpus all), or build it anew: modelrun ensure%s --rebuild%s"

// busyRemedy is for a check that a busy GPU kept from its end.
const busyRemedy = "try again when the GPU is free, or build it anew: modelrun ensure%s --rebuild%s"

// would is create's turn when the request only looks.
func (c create) would(ctx context.Context, w *Walk) error {
	plan, err := c.Caller.Plan(ctx, w.Req)
	if err != nil {
		return skipFor(err)
	}
	if left, f := c.Store.BackoffRemaining(w.Req.Key, plan.Hash()); left > 0 && !w.Req.Policy.IgnorePause {
		return skipFor(paused(w.Req, f, left))
	}
	from := cmp.Or(plan.Own, "profile "+plan.Profile)
	if len(plan.Extras) > 0 {
		from += " with " + strings.Join(plan.Extras, ", ")
	}
	not := skipFor(fault.New(fault.NoEnv, "a launch would create %s from %s", w.Req.Key, from).Fix("modelrun ensure%s%s", w.Req.RootOption, w.Req.Wanted()))
	not.Would = true
	return not
}

// locked is everything that is done under the creation lock.
func (c create) locked(ctx context.Context, w *Walk, lock *store.Lock, plan profile.Plan) (*Resolution, error) {
	defer func() {
		if err := lock.Unlock(); err != nil {
			c.Log.Debug("freeing the creation lock: " + err.Error())
		}
		c.Store.EmptyTrash() // outside the lock: nobody has to wait for it
	}()
	if err := c.trustedFolders(w.Req.Root); err != nil {
		return nil, c.give(w, err)
	}
	if err := c.Store.Recover(lock); err != nil {
		return nil, c.give(w, err)
	}
	if !w.Req.Policy.Rebuild {
		// Somebody may have published while we came here.
		res, err := c.shared.Resolve(ctx, w)
		var not *Skip
		if !errors.As(err, &not) {
			return res, err
		}
		if err := c.mayCreate(w); err != nil { // what they published may be in doubt here
			return nil, err
		}
	}
	if left, f := c.Store.BackoffRemaining(w.Req.Key, plan.Hash()); left > 0 && !w.Req.Policy.IgnorePause {
		return nil, c.give(w, paused(w.Req, f, left))
	}
	if err := Depth(w.Req.Root, w.Req.Key, plan.HasTorch()); err != nil {
		return nil, c.give(w, err)
	}
	b := &build{Deps: c.Deps, req: w.Req, lock: lock, plan: plan}
	p, v, err := b.run(ctx)
	if err != nil {
		return nil, c.give(w, b.failed(ctx, err))
	}
	if p.Existing {
		return c.beaten(ctx, w, p.Dir)
	}
	lease, err := c.Store.Lease(ctx, p.Dir)
	if err != nil {
		return nil, err
	}
	return &Resolution{Dir: p.Dir, Verdict: v, Lease: lease, Reason: "created " + p.Dir.Path}, nil
}

// beaten uses the env of a creator who was first, if it works here: what we
// probed was ours, and is gone.
func (c create) beaten(ctx context.Context, w *Walk, dir envdir.Dir) (*Resolution, error) {
	res, v, err := c.shared.try(ctx, w, dir, w.Req.Accel, w.Req.Imports)
	if res != nil && err == nil {
		if err = otherNeeds(w.Req, res); err != nil {
			res.Lease.Release()
			return nil, err
		}
	}
	if res != nil || err != nil {
		return res, err
	}
	return nil, c.give(w, fault.New(fault.Verify, "another creator was first, and its environment cannot be used: %s", describe(dir, v)).
		Fix("modelrun ensure%s --rebuild%s", w.Req.RootOption, w.Req.Wanted()))
}

// trustedFolders refuses to create with what somebody else could have put into
// the root: what lies in these folders is run, or becomes part of the env.
func (c create) trustedFolders(r envdir.Root) error {
	for _, dir := range []string{
		r.Tmp(), r.Next("").Path, filepath.Dir(r.UV("")), r.Pythons(), r.Cache(), filepath.Dir(r.Cache()),
	} {
		if err := fsys.Trusted(dir, c.Owners); fault.CodeOf(err) == fault.Untrusted {
			return err
		}
	}
	return nil
}

// give keeps the error of a failed creation and lets the chain go on, except
// when the user ended it.
func (c create) give(w *Walk, err error) error {
	if interrupted(err) {
		return err
	}
	w.failed = fsys.Fault(err)
	return skipFor(w.failed)
}

func interrupted(err error) bool {
	c := fault.CodeOf(err)
	return c == fault.Interrupted || c == fault.Terminated
}

// unknown reports whether a check of something that is there could not be finished.
func unknown(seen bool, v health.Verdict) bool {
	return seen && !v.Absent && v.State == health.Unknown
}

// paused is said for inputs that failed a moment ago: the earlier error and its
// log, and when they are tried again.
func paused(req *Request, f store.Failure, left time.Duration) error {
	p := fault.New(fault.Paused, "creating it failed %s ago and is tried again in %s: %s",
		time.Since(f.Finished).Round(time.Second), left.Round(time.Second), f.Text)
	return p.Fix("%s; to try again now: modelrun ensure%s%s", f.Remedy, req.RootOption, req.Wanted())
}

// notCreated is the reason why create gave nothing, for the last resort's line.
func (w *Walk) notCreated() string {
	for _, t := range w.Trace {
		if t.Strategy == nameCreate {
			return t.Reason
		}
	}
	return "no environment can be created here"
}

// retired says where a replaced env lies.
func retired(req *Request, path string) string {
	return fmt.Sprintf("the environment that %s replaces is kept in %s until: modelrun prune%s --yes", req.Key, path, req.RootOption)
}
