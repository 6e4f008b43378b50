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

// create creates the shared env. It takes the creation lock, checks again for an env, then builds, verifies
// and publishes one.
type create struct {
	*Deps
	shared shared
}

func (create) name() string { return nameCreate }

func (c create) resolve(ctx context.Context, st *state) (*Resolution, error) {
	if err := c.checkAllowed(st); err != nil {
		return nil, err
	}
	if st.req.Policy.DryRun {
		return nil, c.dryRun(ctx, st)
	}
	defer store.GroupUmask(c.Store.Root)()
	return c.interruptible(ctx, func(ctx context.Context) (*Resolution, error) {
		plan, err := c.Caller.Plan(ctx, st.req)
		if err != nil {
			return nil, c.skipFailed(st, err) // without a plan no folder is created
		}
		return c.lockAndBuild(ctx, st, plan)
	})
}

// lockAndBuild takes the lock and builds. If another process has the lock, it waits for that process.
func (c create) lockAndBuild(ctx context.Context, st *state, plan profile.Plan) (*Resolution, error) {
	for {
		lock, err := c.Store.TryLock(st.req.Key)
		if errors.Is(err, store.ErrBusy) {
			// Another waiting process took the lock first.
			if res, err := wait(c).waitForCreator(ctx, st); res != nil || err != nil {
				return res, err
			}
			continue
		}
		if err != nil {
			return nil, c.skipFailed(st, err)
		}
		return c.buildLocked(ctx, st, lock, plan)
	}
}

// checkAllowed returns a [Skip] with the reason if no env may be created.
func (c create) checkAllowed(st *state) error {
	req := st.req
	switch {
	case st.createErr != nil:
		return skipBecause(st.createErr)
	case st.timedOut != nil:
		return skipBecause(st.timedOut)
	case !req.Named:
		return skipBecause(fault.New(fault.NoModel, "nothing says which model, family or key this is for").
			Fix("name one, for example: modelrun -m path/to/model -- …   # or: modelrun --family %s -- …", "transformers"))
	case st.sharedVerdict.Code == health.CodeLacks && req.Key == req.Base:
		// Another process has just built it from other versions. It works for requests that need no more.
		return skipBecause(fault.New(fault.NoEnv, "%s was built by another process and %s", req.Key, st.sharedVerdict.Reason).Fix("run the same command again"))
	case st.unverified != nil && st.unverified.verdict.State == health.Broken && !req.Policy.Rebuild:
		return skipBecause(fault.New(fault.NoEnv, "nothing is rebuilt, %s is as it was sealed: %s", st.unverified.dir.Name, st.unverified.verdict.Reason).Fix(noCUDARemedy))
	case st.unverified != nil && !req.Policy.Rebuild:
		return skipBecause(fault.New(fault.NoEnv, "nothing is rebuilt because a check could not be finished: %s", st.unverified.verdict.Reason).Fix(busyRemedy, req.RootOption, req.Wanted()))
	case isUnknown(st.oldChecked, st.oldVerdict):
		return skipBecause(fault.New(fault.NoEnv, "nothing is created because the check of the old environment could not be finished: %s", st.oldVerdict.Reason).Fix(busyRemedy, req.RootOption, req.Wanted()))
	case req.Policy.NoCreate:
		return skipBecause(fault.New(fault.NoEnv, "--no-create forbids it").Fix("leave it out, or create it once: modelrun ensure%s%s", req.RootOption, req.Wanted()))
	}
	return nil
}

// noCUDARemedy is the remedy for a complete env whose torch reaches no GPU.
const noCUDARemedy = "check the driver (a container needs --gpus all): nvidia-smi"

// busyRemedy is the remedy for a check that a busy GPU prevented from finishing.
const busyRemedy = "try again when the GPU is free, or build it anew: modelrun ensure%s --rebuild%s"

// dryRun returns what a launch would create, or why it could not.
func (c create) dryRun(ctx context.Context, st *state) error {
	plan, err := c.Caller.Plan(ctx, st.req)
	if err != nil {
		return skipBecause(err)
	}
	if err := c.paused(st.req, plan); err != nil {
		return skipBecause(err)
	}
	source := cmp.Or(plan.Own, "profile "+plan.Profile)
	if plan.Own == "" && plan.Profile == "" {
		source = "no profile"
	}
	if asked := plan.Asked(); len(asked) > 0 {
		source += " with " + strings.Join(asked, ", ")
	}
	for _, line := range plan.Yielded() {
		source += "; " + line
	}
	skipped := skipBecause(fault.New(fault.NoEnv, "a launch would create %s from %s", st.req.Key, source).Fix("modelrun ensure%s%s", st.req.RootOption, st.req.Wanted()))
	skipped.DryRun = true
	return skipped
}

// buildLocked does everything that needs the creation lock, and releases the lock.
func (c create) buildLocked(ctx context.Context, st *state, lock *store.Lock, plan profile.Plan) (*Resolution, error) {
	defer func() {
		if err := lock.Unlock(); err != nil {
			c.Log.Debug("freeing the creation lock: " + err.Error())
		}
		c.Store.EmptyTrash() // without the lock, so that other processes do not wait for it
	}()
	if err := c.checkFolders(st.req.Root); err != nil {
		return nil, c.skipFailed(st, err)
	}
	if err := lock.Recover(); err != nil {
		return nil, c.skipFailed(st, err)
	}
	if !st.req.Policy.Rebuild {
		// Another process may have published since the first look.
		res, err := c.shared.resolve(ctx, st)
		var skipped *Skip
		if !errors.As(err, &skipped) {
			return res, err
		}
		if err := c.checkAllowed(st); err != nil { // its env may be one that cannot be verified here
			return nil, err
		}
	}
	if err := c.paused(st.req, plan); err != nil {
		return nil, c.skipFailed(st, err)
	}
	if err := Depth(st.req.Root, st.req.Key, plan.HasTorch()); err != nil {
		return nil, c.skipFailed(st, err)
	}
	p, v, err := newBuild(c.Deps, st.req, lock, plan, st.replacedBecause()).run(ctx)
	if err != nil {
		return nil, c.skipFailed(st, err)
	}
	if p.Existing {
		return c.useExisting(ctx, st, p.Dir)
	}
	lease, err := c.Store.Lease(ctx, p.Dir)
	if err != nil {
		return nil, err
	}
	return &Resolution{Dir: p.Dir, Verdict: v, Lease: lease, Reason: "created " + p.Dir.Path}, nil
}

// useExisting uses the env of another creator that published first. It first checks that env, because only
// the env that is now discarded was probed here.
func (c create) useExisting(ctx context.Context, st *state, dir envdir.Dir) (*Resolution, error) {
	res, v, err := c.shared.tryEnv(ctx, st, dir, st.req.Accel, st.req.Imports)
	if res != nil && err == nil {
		if err = checkSealedNeeds(st.req, res); err != nil {
			res.Lease.Release()
			return nil, err
		}
	}
	if res != nil || err != nil {
		return res, err
	}
	return nil, c.skipFailed(st, fault.New(fault.Verify, "another creator was first, and its environment cannot be used: %s", describe(dir, v)).
		Fix("modelrun ensure%s --rebuild%s", st.req.RootOption, st.req.Wanted()))
}

// checkFolders returns an error if another user could have written to a folder of the root whose content is
// run or becomes part of the env.
func (c create) checkFolders(r envdir.Root) error {
	for _, dir := range []string{
		r.Tmp(), r.Next("").Path, r.Tools().Dir(), r.Tools().Pythons(), r.Cache(), filepath.Dir(r.Cache()),
	} {
		if err := fsys.Trusted(dir, c.Owners); fault.CodeOf(err) == fault.Untrusted {
			return err
		}
	}
	return nil
}

// skipFailed stores the error of a failed creation and lets the chain continue. After an interruption by
// the user the chain ends.
func (c create) skipFailed(st *state, err error) error {
	if interrupted(err) {
		return err
	}
	st.createErr = fsys.Fault(err)
	return skipBecause(st.createErr)
}

// interrupted reports whether err is Ctrl-C or SIGTERM.
func interrupted(err error) bool {
	c := fault.CodeOf(err)
	return c == fault.Interrupted || c == fault.Terminated
}

// isUnknown reports whether there is an env whose check could not be finished.
func isUnknown(checked bool, v health.Verdict) bool {
	return checked && !v.Absent && v.State == health.Unknown
}

// paused returns an error if the plan failed a short time ago. The error names the earlier error with its
// log, and the time of the next attempt.
func (c create) paused(req *Request, plan profile.Plan) error {
	failure := c.Store.Creation(req.Key).Failure()
	remaining := failure.BackoffRemaining(plan.Hash())
	if remaining == 0 || req.Policy.IgnorePause {
		return nil
	}
	p := fault.New(fault.Paused, "creating it failed %s ago and is tried again in %s: %s",
		time.Since(failure.Finished).Round(time.Second), remaining.Round(time.Second), failure.Text)
	return p.Fix("%s   # to try again now: modelrun ensure%s%s", failure.Remedy, req.RootOption, req.Wanted())
}

// creationReason returns why nothing was created, for the warning of the last resort.
func (st *state) creationReason() string {
	for _, a := range st.trace {
		if a.Strategy == nameCreate {
			return a.Reason
		}
	}
	return "no environment can be created here"
}

// retiredMessage returns a message that says where a replaced env is kept.
func retiredMessage(req *Request, path string) string {
	return fmt.Sprintf("the environment that %s replaces is kept in %s until: modelrun prune%s --yes", req.Key, path, req.RootOption)
}
