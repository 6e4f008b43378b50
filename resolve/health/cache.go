package health

import (
	"context"
	"encoding/json"
	"time"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/source"
)

const (
	// maxCached limits the verdicts of one env. It is above 1 so that shells
	// with different library paths do not evict each other's verdict.
	maxCached = 8
	// transientFor is how long a verdict counts if its cause may be gone a
	// moment later.
	transientFor = 60 * time.Second
)

// cacheFile is the content of an env's cache file. The newest verdict comes
// first.
type cacheFile struct {
	Schema   int             `json:"schema"`
	Verdicts []cachedVerdict `json:"verdicts"`
}

// cachedVerdict is a Verdict in a cacheFile.
type cachedVerdict struct {
	Fingerprint string      `json:"fingerprint"`
	State       string      `json:"state"`
	Code        Code        `json:"code"`
	Reason      string      `json:"reason,omitempty"`
	Warnings    []string    `json:"warnings,omitempty"`
	Python      string      `json:"python,omitempty"`
	Torch       string      `json:"torch,omitempty"`
	Seal        *cachedSeal `json:"seal,omitempty"`
	BootID      string      `json:"boot_id,omitempty"` // if set, the verdict counts only until a restart
	Checked     time.Time   `json:"checked"`
}

// cachedSeal is the part of a seal that a launch may need.
type cachedSeal struct {
	Key         string          `json:"key"`
	BuildID     string          `json:"build_id"`
	Plan        string          `json:"plan_hash,omitempty"`
	Own         string          `json:"own,omitempty"`
	OwnHash     string          `json:"own_hash,omitempty"`
	Profile     string          `json:"profile,omitempty"`
	ProfilePath string          `json:"profile_path,omitempty"`
	ProfileHash string          `json:"profile_hash,omitempty"`
	With        []string        `json:"with,omitempty"`
	Sources     []source.Source `json:"sources,omitempty"`
}

// cacheName returns the name of an env's cache file. It is the same for the
// published env of a key and for the one that waits in .next, so that a promotion
// keeps the verdict.
func cacheName(d envdir.Dir) string {
	if d.Kind == envdir.Old {
		return "health-old-" + d.Name
	}
	return "health-" + d.Name
}

// verdicts holds the cached verdicts of one env.
type verdicts struct {
	files Cache // nil if nothing is cached
	dir   envdir.Dir
	boot  Boot
}

func (c *Checker) verdicts(d envdir.Dir) verdicts { return verdicts{c.State, d, c.BootID} }

// find returns the verdict for a fingerprint. A file that cannot be read or
// parsed counts as missing: the next probe writes it again.
func (c verdicts) find(print string) (Verdict, bool) {
	if c.files == nil {
		return Verdict{}, false
	}
	for _, k := range c.read().Verdicts {
		if k.Fingerprint != print || k.BootID != "" && k.BootID != c.boot.id() {
			continue
		}
		v, ok := k.verdict(time.Now())
		return v, ok
	}
	return Verdict{}, false
}

// read returns the cached verdicts, or zero if there is no usable file.
func (c verdicts) read() cacheFile {
	var f cacheFile
	data, err := c.files.Read(cacheName(c.dir) + ".json")
	if err != nil || json.Unmarshal(data, &f) != nil || f.Schema != 1 {
		return cacheFile{}
	}
	return f
}

// verdict returns the Verdict, and whether it still counts.
func (k cachedVerdict) verdict(now time.Time) (Verdict, bool) {
	v := Verdict{
		Code: k.Code, Reason: k.Reason, Warnings: k.Warnings,
		Python: k.Python, Torch: k.Torch, Cached: true,
	}
	if s := k.Seal; s != nil {
		v.setSeal(&Seal{
			Schema: 1, Key: s.Key, BuildID: s.BuildID, Plan: s.Plan, Own: s.Own, OwnHash: s.OwnHash,
			Profile: s.Profile, ProfilePath: s.ProfilePath, ProfileHash: s.ProfileHash, With: s.With, Sources: s.Sources,
		})
	}
	// If the clock was set back, the verdict is old, rather than fresh for a
	// long time.
	age := now.Sub(k.Checked)
	fresh := age >= 0 && age < transientFor
	switch {
	case k.Code == "":
		return Verdict{}, false
	case k.State == Healthy.String():
		v.State = Healthy
		return v, true
	case k.State == Broken.String():
		v.State = Broken
		// Permissions of device files and loaded modules change without a trace
		// in the fingerprint.
		return v, k.Code != CodeNoCUDA || fresh
	}
	return v, k.State == Unknown.String() && fresh
}

// add puts a verdict in front of the cached ones. The verdict on an env that was
// not flushed to the disk counts only until a restart. The caller holds the lock.
// Without it, at most the verdict of another fingerprint is lost.
func (c verdicts) add(print string, v Verdict) error {
	if c.files == nil {
		return nil
	}
	bootID := ""
	if v.Sealed && !v.Seal.Durable {
		bootID = c.boot.id()
	}
	f := cacheFile{Schema: 1, Verdicts: []cachedVerdict{{
		Fingerprint: print, State: v.State.String(), Code: v.Code, Reason: v.Reason, Warnings: v.Warnings,
		Python: v.Python, Torch: v.Torch, BootID: bootID, Checked: time.Now().UTC(),
	}}}
	if s := v.Seal; v.Sealed {
		f.Verdicts[0].Seal = &cachedSeal{
			Key: s.Key, BuildID: s.BuildID, Plan: s.Plan, Own: s.Own, OwnHash: s.OwnHash,
			Profile: s.Profile, ProfilePath: s.ProfilePath, ProfileHash: s.ProfileHash, With: s.With, Sources: s.Sources,
		}
	}
	for _, k := range c.read().Verdicts {
		if k.Fingerprint != print && len(f.Verdicts) < maxCached {
			f.Verdicts = append(f.Verdicts, k)
		}
	}
	data, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	return c.files.Write(cacheName(c.dir)+".json", append(data, '\n'))
}

// lock takes the lock of the env. If there is no place for a lock file, it locks
// nothing: two probes may then run at once, which only costs time. busy means that
// the holder is stuck. limit is the time limit of a probe.
func (c verdicts) lock(ctx context.Context, limit time.Duration) (unlock func(), busy bool, err error) {
	if c.files == nil {
		return func() {}, false, nil
	}
	// The holder has the same time limit. A longer wait means that it is stuck.
	wait, cancel := context.WithTimeout(ctx, limit+20*time.Second)
	defer cancel()
	unlock, err = c.files.Lock(wait, cacheName(c.dir))
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
