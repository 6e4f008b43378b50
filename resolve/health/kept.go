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
	Sealed      bool      `json:"sealed,omitempty"`
	BootID      string    `json:"boot_id,omitempty"` // counts only until a restart
	Checked     time.Time `json:"checked"`
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
		Python: k.Python, Torch: k.Torch, Sealed: k.Sealed, Cached: true,
	}
	switch {
	case k.Code == "":
		return Verdict{}, false
	case k.State == Healthy.String():
		v.State = Healthy
	case k.State == Broken.String():
		v.State = Broken
	default:
		// A clock that was set back makes it old, not young for ever.
		age := now.Sub(k.Checked)
		return v, k.State == Unknown.String() && age >= 0 && age < unknownFor
	}
	return v, true
}

// keep puts a verdict in front of the others. The caller holds the lock, or
// loses at most another fingerprint's verdict.
func (c *Checker) keep(s Subject, print string, v Verdict, bootID string) error {
	f := keptFile{Schema: 1, Verdicts: []kept{{
		Fingerprint: print, State: v.State.String(), Code: v.Code, Reason: v.Reason, Warnings: v.Warnings,
		Python: v.Python, Torch: v.Torch, Sealed: v.Sealed, BootID: bootID, Checked: time.Now().UTC(),
	}}}
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
