package health

import (
	"context"
	"time"

	"github.com/modelrun/modelrun/resolve/fault"
)

// single is L3 behind a lock: who had to wait finds the verdict of the other.
func (c *Checker) single(ctx context.Context, s Subject, seal *Seal) (Verdict, error) {
	defer c.announce(s)()
	unlock, busy, err := c.lock(ctx, s)
	if err != nil || busy {
		v := Verdict{Code: CodeBusy, Cached: true, Reason: "another check of this environment does not end"}
		v.seal(seal)
		return v, err
	}
	defer unlock()
	// The env may have changed while we waited; the verdict must be about what
	// the probe is going to see.
	snap, v, err := readSite(s.Dir)
	if err != nil || v.Code != "" {
		return v, err
	}
	print := c.fingerprint(s, snap)
	if v, ok := c.cached(s, print); ok {
		return v, nil
	}
	if v, err := c.audited(s, seal); err != nil || v.Code != "" {
		return v, err
	}
	v, err = c.deep(ctx, s, snap)
	if err != nil {
		return v, err
	}
	v.seal(seal)
	v.Warnings = append(v.Warnings, copied(s.Dir, snap)...)
	// An interpreter that never said a word is cheap to try again, and what
	// stopped it (a mount without exec) leaves no trace in the fingerprint.
	started := v.Python != ""
	if c.State != nil && (started || v.State != Broken) {
		if err := c.keep(s, print, v, c.bootFor(seal)); err != nil {
			v.Warnings = append(v.Warnings, "the result of the check cannot be kept, the next start checks again: "+err.Error())
		}
	}
	return v, nil
}

// lock is free-standing when there is nowhere to lock: then two probes may run
// at once, which costs time and nothing else.
func (c *Checker) lock(ctx context.Context, s Subject) (unlock func(), busy bool, err error) {
	if c.State == nil {
		return func() {}, false, nil
	}
	// The holder is bounded by the same limit, so who waits longer waits for
	// something that is stuck.
	wait, cancel := context.WithTimeout(ctx, c.limit()+20*time.Second)
	defer cancel()
	unlock, err = c.State.Lock(wait, cacheName(s.Dir))
	switch {
	case err == nil:
		return unlock, false, nil
	case ctx.Err() != nil:
		return nil, false, context.Cause(ctx)
	case wait.Err() != nil:
		return nil, true, nil
	}
	return func() {}, false, nil
}

// audited is L2 for an env that was not made durable before its seal was
// written: after a restart of the machine its files may be empty (measured:
// 1,200 of 1,200 after a power cut), and only a look at each of them tells.
func (c *Checker) audited(s Subject, seal *Seal) (Verdict, error) {
	if seal == nil || seal.Durable || c.BootID == "" || seal.BootID == c.BootID {
		return Verdict{}, nil
	}
	if err := Audit(s.Dir); err != nil {
		if fault.CodeOf(err) != fault.Verify {
			return Verdict{}, err
		}
		v := broken(CodeTorn, "%s", err)
		v.seal(seal)
		return v, nil
	}
	return Verdict{}, nil
}

// bootFor is the boot that a verdict is bound to, "" when it outlives it.
func (c *Checker) bootFor(seal *Seal) string {
	if seal == nil || seal.Durable {
		return ""
	}
	return c.BootID
}
