package resolve

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/store"
)

// wait waits for the process that creates the wanted env. A creator that dies
// frees its lock, and create takes over.
type wait struct {
	*Deps
	shared shared
}

func (wait) Name() string { return nameWait }

func (s wait) Resolve(ctx context.Context, w *Walk) (*Resolution, error) {
	busy, err := s.Store.Busy(w.Req.Key)
	if err != nil {
		return nil, skipFor(err)
	}
	if !busy && w.migrated { // its shared env was made before the move, perhaps after we looked for it
		res, err := s.shared.Resolve(ctx, w)
		var not *Skip
		if !errors.As(err, &not) {
			return res, err
		}
	}
	if !busy {
		return nil, skip("nobody is creating %s", w.Req.Key)
	}
	owner := s.Store.Owner(w.Req.Key)
	if w.Req.Policy.Dry {
		not := skip("%s is being created by %s; a launch would wait for it", w.Req.Key, who(owner))
		not.Would = true
		return nil, not
	}
	res, err := s.await(ctx, w)
	if res != nil || err != nil {
		return res, err
	}
	return nil, skip("%s freed the lock and left no environment", who(owner))
}

// await waits until the lock of the key is free, then goes through shared
// again. It returns neither a resolution nor an error when there is still no
// env and somebody, perhaps we, must create it.
func (s wait) await(ctx context.Context, w *Walk) (*Resolution, error) {
	key := w.Req.Key
	before := s.Store.Failure(key).ID
	res, err := s.interruptible(ctx, func(ctx context.Context) (*Resolution, error) {
		if err := s.untilFree(ctx, w); err != nil {
			return nil, err
		}
		return s.shared.Resolve(ctx, w)
	})
	var not *Skip
	if !errors.As(err, &not) || w.timedOut != nil {
		return res, err
	}
	if f := s.Store.Failure(key); f.ID != before && f.ID != "" {
		// Whoever waited gets the error of the creation it waited for: 63
		// waiters do not repeat a failed download one after another.
		w.failed = f.Fault()
		return nil, skipFor(w.failed)
	}
	return nil, nil
}

// nameless is how long a creator may say nothing of itself before it is called
// another process: between taking its lock and saying who it is.
const nameless = time.Second

// untilFree polls the lock. Its time limit is one without progress: every
// change of what the owner says starts it anew.
func (s wait) untilFree(ctx context.Context, w *Walk) error {
	key := w.Req.Key
	var last store.Owner
	var quiet time.Time
	began, told := time.Now(), false
	pause := 50 * time.Millisecond
	for first := true; ; first = false {
		owner := s.Store.Owner(key)
		if first || owner.Heartbeat != last.Heartbeat || owner.PID != last.PID || owner.Phase != last.Phase {
			quiet = time.Now()
		}
		if owner.PID != last.PID && owner.PID != 0 || !told && time.Since(began) >= nameless { // its phases are shown as progress
			s.Log.Info(fmt.Sprintf("Environment %s is already being created by %s", key, who(owner)))
			told = true
		}
		if told {
			s.Caller.Progress(owner)
		}
		last = owner
		if time.Since(quiet) > w.Req.Policy.Wait {
			return s.giveUp(w, owner)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(min(pause, max(w.Req.Policy.Wait, time.Millisecond))):
			pause = min(pause*2, 500*time.Millisecond)
		}
		if busy, err := s.Store.Busy(key); err != nil || !busy {
			return err
		}
	}
}

func (s wait) giveUp(w *Walk, owner store.Owner) error {
	w.timedOut = fault.New(fault.WaitTimeout, "%s is being created by %s, which made no progress for %s",
		w.Req.Key, who(owner), w.Req.Policy.Wait).
		Fix("look at that process, or wait longer: modelrun --wait 2h …")
	return skipFor(w.timedOut)
}

// who names a creator: process, host, phase and age.
func who(o store.Owner) string {
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
