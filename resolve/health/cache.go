package health

import (
	"encoding/json"
	"time"

	"github.com/modelrun/modelrun/resolve/envdir"
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
	Key         string   `json:"key"`
	BuildID     string   `json:"build_id"`
	Plan        string   `json:"plan_hash,omitempty"`
	Own         string   `json:"own,omitempty"`
	Profile     string   `json:"profile,omitempty"`
	ProfilePath string   `json:"profile_path,omitempty"`
	ProfileHash string   `json:"profile_hash,omitempty"`
	With        []string `json:"with,omitempty"`
}

// cacheName is the same for the published env of a key and for the one that
// waits in .next, so that a promotion keeps the verdict.
func cacheName(d envdir.Dir) string {
	if d.Kind == envdir.Old {
		return "health-old-" + d.Name
	}
	return "health-" + d.Name
}

// cached returns the verdict for a fingerprint. A file that cannot be read or
// parsed counts as missing: the next probe writes it again.
func (c *Checker) cached(s Subject, print string) (Verdict, bool) {
	if c.State == nil {
		return Verdict{}, false
	}
	for _, k := range c.readCache(s.Dir).Verdicts {
		if k.Fingerprint != print || k.BootID != "" && k.BootID != c.bootID() {
			continue
		}
		v, ok := k.verdict(time.Now())
		return v, ok
	}
	return Verdict{}, false
}

// readCache returns an env's cached verdicts; zero if there is no usable file.
func (c *Checker) readCache(d envdir.Dir) cacheFile {
	var f cacheFile
	data, err := c.State.Read(cacheName(d) + ".json")
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
			Schema: 1, Key: s.Key, BuildID: s.BuildID, Plan: s.Plan, Own: s.Own,
			Profile: s.Profile, ProfilePath: s.ProfilePath, ProfileHash: s.ProfileHash, With: s.With,
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

// save puts a verdict in front of the cached ones. The caller holds the lock;
// without it, at most the verdict of another fingerprint is lost.
func (c *Checker) save(s Subject, print string, v Verdict, bootID string) error {
	f := cacheFile{Schema: 1, Verdicts: []cachedVerdict{{
		Fingerprint: print, State: v.State.String(), Code: v.Code, Reason: v.Reason, Warnings: v.Warnings,
		Python: v.Python, Torch: v.Torch, BootID: bootID, Checked: time.Now().UTC(),
	}}}
	if s := v.Seal; v.Sealed {
		f.Verdicts[0].Seal = &cachedSeal{
			Key: s.Key, BuildID: s.BuildID, Plan: s.Plan, Own: s.Own,
			Profile: s.Profile, ProfilePath: s.ProfilePath, ProfileHash: s.ProfileHash, With: s.With,
		}
	}
	for _, k := range c.readCache(s.Dir).Verdicts {
		if k.Fingerprint != print && len(f.Verdicts) < maxCached {
			f.Verdicts = append(f.Verdicts, k)
		}
	}
	data, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	return c.State.Write(cacheName(s.Dir)+".json", append(data, '\n'))
}
