// Package health decides whether an env works on this machine.
//
// It has four levels, cheapest first:
//
//   - L0: a cached verdict whose fingerprint still matches
//   - L1: a static check of files
//   - L2: an audit of every installed file
//   - L3: a probe that imports what the model needs
//
// L0 and L1 start no process and write nothing.
package health

import (
	"context"
	"errors"
	"time"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/hardware"
	"github.com/modelrun/modelrun/resolve/profile"
)

// State is the outcome of a check. The zero value is Unknown, which does not
// count as healthy.
type State uint8

// The states of a Verdict.
const (
	Unknown State = iota
	Healthy
	Broken
)

// String returns "unknown", "healthy" or "broken", as JSON shows it.
func (s State) String() string {
	switch s {
	case Healthy:
		return "healthy"
	case Broken:
		return "broken"
	case Unknown:
	}
	return "unknown"
}

// Verdict is the result of a check of one env on one machine with one driver.
type Verdict struct {
	State    State    // the outcome
	Code     Code     // stable, never ""
	Reason   string   // why the env is not healthy; one line
	Warnings []string // notes for the user; a healthy env can have some too
	Python   string   // the interpreter's version, "3.11.7"; "" if no probe reported it
	Torch    string   // torch's own __version__, "2.5.1+cu121"; "" if no probe reported it
	Sealed   bool     // READY.json is intact and belongs to this env
	Seal     Seal     // content of READY.json; a cached verdict has only Key, BuildID, Plan, Own, Profile…, With and Sources
	Absent   bool     // the env does not exist (State is Broken)
	Cached   bool     // no process was started for this verdict

	UnknownType bool // one of the Warnings says that transformers does not know the model's type
}

// setSeal records the seal that was read; nil means none.
func (v *Verdict) setSeal(s *Seal) {
	v.Sealed, v.Seal = s != nil, Seal{}
	if s != nil {
		v.Seal = *s
	}
}

// Subject is an env and what it is needed for.
type Subject struct {
	Dir     envdir.Dir       // the env
	Imports []profile.Import // what must be importable
	CUDA    bool             // torch must see a GPU of any vendor
	Accel   string           // the key's accelerator: "cu121", "rocm6.2", "mps", "cpu"; "" if it is not known

	ModelType string // from the model's config.json; "" if it is not known. Used only for a warning
	Start     string // a command that starts the model, up to its options: "modelrun -m llama". Used only for that warning
}

// Cache stores verdicts outside the env, because the env may be read-only. A
// store's State is one.
type Cache interface {
	// Read returns an error that is fs.ErrNotExist if nothing was written.
	Read(name string) ([]byte, error)
	// Write replaces the content as a whole.
	Write(name string, data []byte) error
	// Lock waits until no other process of this machine holds the name.
	Lock(ctx context.Context, name string) (unlock func(), err error)
}

// ProbeLimit is the time limit of a deep probe. It allows for torch's first
// import from a cold disk, with a margin.
const ProbeLimit = 180 * time.Second

// Boot is a function that returns the id of the current boot. It is nil if the id
// is not known.
type Boot func() string

// id returns the id, or "" if it is not known.
func (b Boot) id() string {
	if b == nil {
		return ""
	}
	return b()
}

// Checker checks envs on one machine. Set its fields before use; then several
// goroutines may use it.
type Checker struct {
	State    Cache                                           // nil if nothing is cached; then every Check is a deep probe
	Machine  func(context.Context) (hardware.Machine, error) // called only for a probe that needs a GPU; may be nil
	Identity hardware.Identity                               // driver and visible GPUs; part of the fingerprint
	Env      execx.Environ                                   // the environment of the program that will run
	Cwd      string                                          // base of relative entries in PYTHONPATH; "" ignores them
	BootID   Boot                                            // called only if a verdict depends on the boot
	Notify   func(string)                                    // called after 1 s of checking; may be nil
	Limit    time.Duration                                   // time limit of the deep probe; 0 means ProbeLimit
}

// Check goes through L0, L1 and L3. With a cached verdict it takes well below 1 ms,
// starts no process and writes nothing. If several processes check the same env at
// the same time, one of them probes and the others use its verdict.
//
// An error comes from the disk or from the user (ctx). It never means "unhealthy".
func (c *Checker) Check(ctx context.Context, s Subject) (Verdict, error) {
	snap, v, err := c.quick(s)
	if err != nil || v.Code != "" {
		return v, err
	}
	sealed, v, err := static(s, snap)
	if err != nil || v.Code != "" {
		return c.withWarnings(v, s, snap), err
	}
	v, err = c.probeOnce(ctx, s, sealed)
	return c.withWarnings(v, s, snap), err
}

// Look checks an env for commands that must not execute anything (which, list,
// explain, config). It runs nothing from the env and writes nothing. If only a
// probe can decide, the verdict is Unknown with [CodeUnverified].
func (c *Checker) Look(s Subject) (Verdict, error) {
	snap, v, err := c.quick(s)
	if err != nil || v.Code != "" {
		return v, err
	}
	sealed, v, err := static(s, snap)
	if err != nil || v.Code != "" {
		return c.withWarnings(v, s, snap), err
	}
	v = Verdict{Code: CodeUnverified, Reason: "not checked on this machine yet", Cached: true}
	v.setSeal(sealed)
	return c.withWarnings(v, s, snap), nil
}

// Probe runs the static check and the deep probe. It neither reads nor writes
// the cache: it is meant for a staging folder before it is published.
func (c *Checker) Probe(ctx context.Context, s Subject) (Verdict, error) {
	snap, v, err := readSite(s.Dir)
	if err != nil || v.Code != "" {
		return v, err
	}
	sealed, v, err := static(s, snap)
	if err != nil || v.Code != "" {
		return v, err
	}
	defer c.announce(s)()
	v, err = c.deep(ctx, s, snap)
	v.setSeal(sealed)
	return v, err
}

// Record caches a verdict for the env in its current state, so that the first
// launch after a publish needs no second probe. The caller guarantees that v was
// found on exactly this content.
func (c *Checker) Record(s Subject, v Verdict) error {
	if c.State == nil {
		return nil
	}
	snap, bad, err := readSite(s.Dir)
	if err != nil {
		return err
	}
	if bad.Code != "" {
		return errors.New(bad.Reason)
	}
	seal, ok, err := ReadSeal(s.Dir)
	if err != nil {
		return err
	}
	sealed := &seal
	if !ok || seal.Key != s.Dir.Name {
		sealed = nil
	}
	v.setSeal(sealed)
	return c.verdicts(s.Dir).add(c.fingerprint(s, snap), v)
}

// quick makes the check of level L0. It returns the cached verdict of an unchanged
// env, or the verdict on an env that is missing or unusable. After a zero verdict,
// L1 must decide.
func (c *Checker) quick(s Subject) (*site, Verdict, error) {
	snap, v, err := readSite(s.Dir)
	if err != nil || v.Code != "" {
		return nil, v, err
	}
	v, ok := c.verdicts(s.Dir).find(c.fingerprint(s, snap))
	if !ok {
		return snap, Verdict{}, nil
	}
	return snap, c.withWarnings(v, s, snap), nil
}

func (c *Checker) limit() time.Duration {
	if c.Limit > 0 {
		return c.Limit
	}
	return ProbeLimit
}

// announce tells the user after a second that a check is running. The returned
// function cancels that.
func (c *Checker) announce(s Subject) func() {
	if c.Notify == nil {
		return func() {}
	}
	t := time.AfterFunc(time.Second, func() { c.Notify("Checking environment " + s.Dir.Name + " …") })
	return func() { t.Stop() }
}
