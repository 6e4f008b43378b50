package health

import (
	"encoding/json"
	"time"

	"github.com/modelrun/modelrun/resolve/envdir"
)

const (
	// keptMost bounds the verdicts of one env: shells with different library
	// paths must not throw each other's verdict away.
	keptMost = 8
	// unknownFor is how long a verdict counts that may be different a moment later.
	unknownFor = 60 * time.Second
)

// keptFile is the content of a cached verdict's file; the newest comes first.
type keptFile struct {
	Schema   int    `json:"schema"`
	Verdicts []kept `json:"verdicts"`
}

type kept struct {
	Fingerprint string    `json:"fingerprint"`
	State       string    `json:"state"`
	Code        Code      `json:"code"`
	Reason      string    `json:"reason,omitempty"`
	Warnings    []string  `json:"warnings,omitempty"`
	Python      string    `json:"python,omitempty"`
	Torch       string    `json:"torch,omitempty"`
	Seal        *keptSeal `json:"seal,omitempty"`
	BootID      string    `json:"boot_id,omitempty"` // counts only until a restart
	Checked     time.Time `json:"checked"`
}

// keptSeal is the part of a seal that a launch may ask for.
type keptSeal struct {
	Key         string   `json:"key"`
	BuildID     string   `json:"build_id"`
	Plan        string   `json:"plan_hash,omitempty"`
	Own         string   `json:"own,omitempty"`
	Profile     string   `json:"profile,omitempty"`
	ProfilePath string   `json:"profile_path,omitempty"`
	ProfileHash string   `json:"profile_hash,omitempty"`
	With        []string `json:"with,omitempty"`
}

// cacheName is one for the published env of a key and the one that waits in
// .next, so that a promotion keeps the verdict.
func cacheName(d envdir.Dir) string {
	if d.Kind == envdir.Old {
		return "health-old-" + d.Name
	}
	return "health-" + d.Name
}

// cached is the verdict for a fingerprint. A file that cannot be read or
// parsed is none: it is written anew after the next probe.
func (c *Checker) cached(s Subject, print string) (Verdict, bool) {
	if c.State == nil {
		return Verdict{}, false
	}
	for _, k := range c.read(s.Dir).Verdicts {
		if k.Fingerprint != print || k.BootID != "" && k.BootID != c.BootID {
			continue
		}
		v, ok := k.verdict(time.Now())
		return v, ok
	}
	return Verdict{}, false
}

func (c *Checker) read(d envdir.Dir) keptFile {
	var f keptFile
	data, err := c.State.Read(cacheName(d) + ".json")
	if err != nil || json.Unmarshal(data, &f) != nil || f.Schema != 1 {
		return keptFile{}
	}
	return f
}

func (k kept) verdict(now time.Time) (Verdict, bool) {
	v := Verdict{
		Code: k.Code, Reason: k.Reason, Warnings: k.Warnings,
		Python: k.Python, Torch: k.Torch, Cached: true,
	}
	if s := k.Seal; s != nil {
		v.seal(&Seal{
			Schema: 1, Key: s.Key, BuildID: s.BuildID, Plan: s.Plan, Own: s.Own,
			Profile: s.Profile, ProfilePath: s.ProfilePath, ProfileHash: s.ProfileHash, With: s.With,
		})
	}
	// A clock that was set back makes it old, not young for ever.
	age := now.Sub(k.Checked)
	fresh := age >= 0 && age < unknownFor
	switch {
	case k.Code == "":
		return Verdict{}, false
	case k.State == Healthy.String():
		v.State = Healthy
		return v, true
	case k.State == Broken.String():
		v.State = Broken
		// Device files get their rights and modules are loaded without a trace
		// in the fingerprint.
		return v, k.Code != CodeNoCUDA || fresh
	}
	return v, k.State == Unknown.String() && fresh
}

// keep puts a verdict in front of the others. The caller holds the lock, or
// loses at most another fingerprint's verdict.
func (c *Checker) keep(s Subject, print string, v Verdict, bootID string) error {
	f := keptFile{Schema: 1, Verdicts: []kept{{
		Fingerprint: print, State: v.State.String(), Code: v.Code, Reason: v.Reason, Warnings: v.Warnings,
		Python: v.Python, Torch: v.Torch, BootID: bootID, Checked: time.Now().UTC(),
	}}}
	if s := v.Seal; v.Sealed {
		f.Verdicts[0].Seal = &keptSeal{
			Key: s.Key, BuildID: s.BuildID, Plan: s.Plan, Own: s.Own,
			Profile: s.Profile, ProfilePath: s.ProfilePath, ProfileHash: s.ProfileHash, With: s.With,
		}
	}
	for _, k := range c.read(s.Dir).Verdicts {
		if k.Fingerprint != print && len(f.Verdicts) < keptMost {
			f.Verdicts = append(f.Verdicts, k)
		}
	}
	data, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	return c.State.Write(cacheName(s.Dir)+".json", append(data, '\n'))
}
