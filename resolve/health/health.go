// Package health says whether an env works on this machine.
//
// Four levels, cheapest first (DESIGN 8): a cached verdict whose fingerprint
// still matches, a static look at files, an audit of every installed file, and
// a probe that imports what the model needs. The first two start no process
// and write nothing.
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

// State is the outcome of a check. The zero value is Unknown: not known is not healthy.
type State uint8

// The states of a Verdict.
const (
	Unknown State = iota
	Healthy
	Broken
)

// String is "unknown", "healthy" or "broken", as JSON shows it.
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

// Verdict is about one env on one machine and driver.
type Verdict struct {
	State    State
	Code     Code     // stable, never ""
	Reason   string   // why it is not healthy; one line
	Warnings []string // healthy, but the user should know
	Python   string   // the interpreter's version, "3.11.7"; "" when no probe told it
	Torch    string   // torch's own __version__, "2.5.1+cu121"; "" when no probe told it
	Sealed   bool     // READY.json is ours and intact
	Seal     Seal     // what it says; of a cached verdict only Key, BuildID, Plan, Own, Profile… and With
	Absent   bool     // there is no env at all (State is Broken)
	Cached   bool     // no process was started for it

	UnknownType bool // one of the Warnings says that transformers does not know the model's type
}

// seal notes the seal that was read; nil is none.
func (v *Verdict) seal(s *Seal) {
	v.Sealed, v.Seal = s != nil, Seal{}
	if s != nil {
		v.Seal = *s
	}
}

// Subject is an env and what is asked of it.
type Subject struct {
	Dir     envdir.Dir
	Imports []profile.Import
	CUDA    bool   // torch must see a GPU, whatever its make
	Accel   string // of the key: "cu121", "rocm6.2", "mps", "cpu"; "" not known

	ModelType string // of the model's config.json; "" not known. Only for a warning
}

// Cache is where verdicts are kept, outside the env (an env may be read-only).
// A store's State is one.
type Cache interface {
	// Read returns an error that is fs.ErrNotExist where nothing was written.
	Read(name string) ([]byte, error)
	// Write replaces the content as a whole.
	Write(name string, data []byte) error
	// Lock waits until no other process of this machine holds the name.
	Lock(ctx context.Context, name string) (unlock func(), err error)
}

// ProbeLimit is how long a deep probe may take: a cold disk's first import of
// torch, with room to spare.
const ProbeLimit = 180 * time.Second

// Checker checks envs on one machine. Its fields are set once; it may be used
// by several goroutines.
type Checker struct {
	State    Cache                                           // nil: nothing is kept, every Check is a deep probe
	Machine  func(context.Context) (hardware.Machine, error) // asked only after a probe that found no GPU; nil: not asked
	Identity hardware.Identity                               // driver and visible GPUs, part of the fingerprint
	Env      execx.Environ                                   // the environment that the program will get
	Cwd      string                                          // what relative entries of PYTHONPATH start from; "" ignores them
	BootID   string                                          // of the running system; "" not known
	Notify   func(string)                                    // told after 1 s of checking; nil: nobody
	Limit    time.Duration                                   // of the deep probe; 0: ProbeLimit
}

// Check goes L0 → L1 → L3. With a cached verdict it takes well below 1 ms and
// neither starts a process nor writes. Of processes that check the same env at
// the same time one probes and the others take its verdict.
//
// An error is one of the disk or of the user (ctx), never "unhealthy".
func (c *Checker) Check(ctx context.Context, s Subject) (Verdict, error) {
	snap, v, err := c.quick(s)
	if err != nil || v.Code != "" {
		return v, err
	}
	sealed, v, err := c.static(s, snap)
	if err != nil || v.Code != "" {
		return c.warned(v, s, snap), err
	}
	v, err = c.single(ctx, s, sealed)
	return c.warned(v, s, snap), err
}

// Look is Check for those who must not execute anything (which, list, explain,
// config): it runs nothing from the env and writes nothing. Where only a probe
// could tell, the verdict is Unknown with [CodeUnverified].
func (c *Checker) Look(s Subject) (Verdict, error) {
	snap, v, err := c.quick(s)
	if err != nil || v.Code != "" {
		return v, err
	}
	sealed, v, err := c.static(s, snap)
	if err != nil || v.Code != "" {
		return c.warned(v, s, snap), err
	}
	v = Verdict{Code: CodeUnverified, Reason: "not checked on this machine yet", Cached: true}
	v.seal(sealed)
	return c.warned(v, s, snap), nil
}

// Probe runs the static check and the deep probe whatever the cache says, and
// keeps nothing: for a staging folder before it is published.
func (c *Checker) Probe(ctx context.Context, s Subject) (Verdict, error) {
	snap, v, err := readSite(s.Dir)
	if err != nil || v.Code != "" {
		return v, err
	}
	sealed, v, err := c.static(s, snap)
	if err != nil || v.Code != "" {
		return v, err
	}
	defer c.announce(s)()
	v, err = c.deep(ctx, s, snap)
	v.seal(sealed)
	return v, err
}

// Record keeps a verdict for an env as it lies there now, so that the first
// launch after a publish needs no second probe. The caller answers for it that
// v was found on this very content.
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
	v.seal(sealed)
	return c.keep(s, c.fingerprint(s, snap), v, c.bootFor(sealed))
}

// quick is L0: the cached verdict of an unchanged env, or one that needs no
// further look because there is no usable env. A zero verdict means: go on.
func (c *Checker) quick(s Subject) (*site, Verdict, error) {
	snap, v, err := readSite(s.Dir)
	if err != nil || v.Code != "" {
		return nil, v, err
	}
	v, ok := c.cached(s, c.fingerprint(s, snap))
	if !ok {
		return snap, Verdict{}, nil
	}
	return snap, c.warned(v, s, snap), nil
}

func (c *Checker) limit() time.Duration {
	if c.Limit > 0 {
		return c.Limit
	}
	return ProbeLimit
}

// announce says after a second what takes so long. The returned function ends it.
func (c *Checker) announce(s Subject) func() {
	if c.Notify == nil {
		return func() {}
	}
	t := time.AfterFunc(time.Second, func() { c.Notify("Checking environment " + s.Dir.Name + " …") })
	return func() { t.Stop() }
}
