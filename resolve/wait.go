package resolve

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/store"
)

// wait waits for the process that creates the wanted env. If that process dies, its lock is free, and create
// takes over.
type wait struct {
	*Deps
	shared shared
}

func (wait) name() string { return nameWait }

func (w wait) resolve(ctx context.Context, st *state) (*Resolution, error) {
	busy, err := w.Store.Creation(st.req.Key).Busy()
	if err != nil {
		return nil, skipBecause(err)
	}
	if !busy && st.migrated { // the shared env was created before the move, perhaps after shared looked for it
		res, err := w.shared.resolve(ctx, st)
		var skipped *Skip
		if !errors.As(err, &skipped) {
			return res, err
		}
	}
	if !busy {
		return nil, skip("nobody is creating %s", st.req.Key)
	}
	owner := w.Store.Creation(st.req.Key).Owner()
	if st.req.Policy.DryRun {
		skipped := skip("%s is being created by %s; a launch would wait for it", st.req.Key, describeOwner(owner))
		skipped.DryRun = true
		return nil, skipped
	}
	res, err := w.waitForCreator(ctx, st)
	if res != nil || err != nil {
		return res, err
	}
	return nil, skip("%s freed the lock and left no environment", describeOwner(owner))
}

// waitForCreator waits until the lock of the key is free, then asks shared again. If there is still no env
// and no failed creation, it returns neither a resolution nor an error: the env is still to be created.
func (w wait) waitForCreator(ctx context.Context, st *state) (*Resolution, error) {
	creation := w.Store.Creation(st.req.Key)
	before := creation.Failure().ID
	res, err := w.interruptible(ctx, func(ctx context.Context) (*Resolution, error) {
		if err := w.pollLock(ctx, st); err != nil {
			return nil, err
		}
		return w.shared.resolve(ctx, st)
	})
	var skipped *Skip
	if !errors.As(err, &skipped) || st.timedOut != nil {
		return res, err
	}
	if failure := creation.Failure(); failure.ID != before && failure.ID != "" {
		// A waiting process gets the error of the creation that it waited for. Otherwise 63 waiting
		// processes would repeat a failed download one after another.
		st.createErr = failure.Fault()
		return nil, skipBecause(st.createErr)
	}
	return nil, nil
}

// namingTime is how long a waiting process waits for the creator's name before it logs "another process". A
// creator takes its lock first, and writes its name a moment later.
const namingTime = time.Second

// pollLock waits until the lock is free. Policy.Wait limits the time without progress: it starts again with
// every change in what the owner reports.
func (w wait) pollLock(ctx context.Context, st *state) error {
	creation := w.Store.Creation(st.req.Key)
	var last store.Owner
	var lastProgress time.Time
	began, announced := time.Now(), false
	interval := 50 * time.Millisecond
	for first := true; ; first = false {
		owner := creation.Owner()
		if first || owner.Heartbeat != last.Heartbeat || owner.PID != last.PID || owner.Phase != last.Phase {
			lastProgress = time.Now()
		}
		if owner.PID != last.PID && owner.PID != 0 || !announced && time.Since(began) >= namingTime { // phases are shown as progress
			w.Log.Info(fmt.Sprintf("Environment %s is already being created by %s", st.req.Key, describeOwner(owner)))
			announced = true
		}
		if announced {
			w.Caller.Progress(owner)
		}
		last = owner
		if time.Since(lastProgress) > st.req.Policy.Wait {
			return w.timeOut(st, owner)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(min(interval, max(st.req.Policy.Wait, time.Millisecond))):
			interval = min(interval*2, 500*time.Millisecond)
		}
		if busy, err := creation.Busy(); err != nil || !busy {
			return err
		}
	}
}

// timeOut returns the error for a creator that made no progress.
func (w wait) timeOut(st *state, owner store.Owner) error {
	st.timedOut = fault.New(fault.WaitTimeout, "%s is being created by %s, which made no progress for %s",
		st.req.Key, describeOwner(owner), st.req.Policy.Wait).
		Fix("look at that process, or wait longer: modelrun --wait 2h …")
	return skipBecause(st.timedOut)
}

// describeOwner names a creator by process, user, host, phase and age.
func describeOwner(o store.Owner) string {
	if o.PID == 0 {
		return "another process"
	}
	text := fmt.Sprintf("process %d on %s", o.PID, o.Host)
	if o.User != "" {
		text = fmt.Sprintf("process %d of %s on %s", o.PID, o.User, o.Host)
	}
	if o.Phase != "" {
		text += ", " + o.Phase
	}
	if !o.Started.IsZero() {
		text += fmt.Sprintf(", for %s", max(time.Since(o.Started), 0).Round(time.Second))
	}
	return text
}
