package health

import (
	"context"

	"github.com/modelrun/modelrun/resolve/fault"
)

// probeOnce makes the check of level L3 under a lock. A process that had to wait
// finds the verdict of the process that probed.
func (c *Checker) probeOnce(ctx context.Context, s Subject, seal *Seal) (Verdict, error) {
	defer c.announce(s)()
	kept := c.verdicts(s.Dir)
	unlock, busy, err := kept.lock(ctx, c.limit())
	if err != nil || busy {
		v := Verdict{Code: CodeBusy, Cached: true, Reason: "another check of this environment does not end"}
		v.setSeal(seal)
		return v, err
	}
	defer unlock()
	// The env may have changed during the wait. The verdict must describe what
	// the probe will see.
	snap, v, err := readSite(s.Dir)
	if err != nil || v.Code != "" {
		return v, err
	}
	print := c.fingerprint(s, snap)
	if v, ok := kept.find(print); ok {
		return v, nil
	}
	if v, err := c.auditAfterRestart(s, seal); err != nil || v.Code != "" {
		return v, err
	}
	v, err = c.deep(ctx, s, snap)
	if err != nil {
		return v, err
	}
	v.setSeal(seal)
	v.Warnings = append(v.Warnings, copyWarning(s.Dir, snap)...)
	// If python reported nothing, another attempt is cheap, and the cause (a
	// mount without exec) leaves no trace in the fingerprint.
	started := v.Python != ""
	if started || v.State != Broken {
		if err := kept.add(print, v); err != nil {
			v.Warnings = append(v.Warnings, "the result of the check cannot be kept, the next start checks again: "+err.Error())
		}
	}
	return v, nil
}

// auditAfterRestart makes the check of level L2 for an env whose files were not
// flushed before its seal was written. After a restart of the machine they may be
// empty (measured: 1,200 of 1,200 after a power cut). Only a check of each file
// shows that.
func (c *Checker) auditAfterRestart(s Subject, seal *Seal) (Verdict, error) {
	if seal == nil || seal.Durable || c.BootID.id() == "" || seal.BootID == c.BootID.id() {
		return Verdict{}, nil
	}
	if err := Audit(s.Dir); err != nil {
		if fault.CodeOf(err) != fault.Verify {
			return Verdict{}, err
		}
		v := broken(CodeTorn, "%s", err)
		v.setSeal(seal)
		return v, nil
	}
	return Verdict{}, nil
}
