package profile

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/pylock"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// Plan describes the content of one env.
type Plan struct {
	Key        envdir.Key                // of the env
	Accel      string                    // "" if it is not known, as for a user-defined env
	Source                               // who says so
	Index      string                    // default index of a user-defined env; "" for the user's setting or PyPI
	TorchIndex string                    // "" if no package comes from it; may be file://
	FromTorch  []string                  // packages that come only from TorchIndex; all are in Packages
	Packages   []string                  // requirements to install, in order
	Extras     []requirement.Requirement // beyond the key; each has a name
	GaveWay    []GaveWay                 // pins that a requirement of Extras overrules; none of them is in Hard
	// Terms say where Extras come from, and what limits them.
	Terms requirement.Terms
	// Hard pins always hold; each is for an installed package. Soft pins are
	// constraints. They apply in this order as long as they resolve. Many are
	// for packages that are not installed, which is harmless.
	Hard, Soft []Pin
	Python     Python   // the suitable Pythons
	Shared     []Import // imports of the deep probe
	Notes      []string // one line each, for the user, when an env is made from the plan
}

// Source is where a plan comes from. It is for messages and the seal.
type Source struct {
	Profile     string       // name; "" for a user-defined env
	ProfilePath string       // its file; "" for a built-in profile
	ProfileHash string       // of the profile's file
	Own         string       // the file whose [envs] defines the key; "" if a profile does
	OwnHash     string       // of that definition's own text: see [Own.Hash]
	Lock        *pylock.File // has every package of the env; nil if versions are resolved
}

// Python defines which Pythons are suitable. Versions are "3.10"; "" means any.
type Python struct {
	Min, Max string // the first and the last one
	Best     string // the recommended one
	Also     string // a narrower range from a requirement, ">=3.11"; may be ""
}

// Plan returns what a profile installs for a family. It contains only packages
// that the family needs, although the profile pins more (PySide6, streamlit).
func (p Profile) Plan(k envdir.Key, f Family, bnb bool) Plan {
	o := p.For(f)
	f = f.For(p.Accel)
	packages := f.Packages
	if bnb {
		packages = addMissing(packages, f.Bnb)
	}
	if len(o.Without) > 0 {
		packages = slices.DeleteFunc(slices.Clone(packages), func(r string) bool { return installs(o.Without, requirement.NameOf(r)) })
	}
	plan := Plan{
		Key: k, Accel: p.Accel, Source: Source{Profile: p.Name, ProfilePath: p.Path, ProfileHash: p.Hash},
		Packages: packages, Notes: o.notes(), Python: o.Python, Shared: f.Needs(bnb),
	}
	if o.TorchIndex != "" {
		if f.hasTorch() || len(p.Families[f.Name].IndexPackages) > 0 {
			plan.Packages = addMissing(plan.Packages, o.IndexPackages)
		}
		plan.FromTorch = fromTorch(plan.Packages, o.IndexPackages)
		if len(plan.FromTorch) > 0 {
			plan.TorchIndex = o.TorchIndex
		}
	}
	for _, pin := range o.Pins {
		switch n := requirement.Normal(pin.Name); {
		case !f.isMain(n) && !torchStack(n):
			plan.Soft = append(plan.Soft, pin)
		case installs(plan.Packages, n):
			plan.Hard = append(plan.Hard, pin)
		}
	}
	return plan
}

// HasTorch reports whether torch is among the packages.
func (p Plan) HasTorch() bool { return installs(p.Packages, "torch") || p.asksFor("torch") }

// torchStack reports whether a package is one of the three that are built
// together and must have exactly matching versions.
func torchStack(name string) bool { return slices.Contains(torchPackages, name) }

var torchPackages = []string{"torch", "torchvision", "torchaudio"}

// fromTorch returns the packages that come from the torch index. An explicit
// index serves only packages that are named for it, and uv considers only
// direct requirements. The CUDA libraries and triton therefore come from the
// default index, which has them. Only torch's index has the tritons of ROCm and
// XPU, so they are index_packages of their profiles
// (https://docs.astral.sh/uv/guides/integration/pytorch).
func fromTorch(packages, more []string) []string {
	var out []string
	for _, r := range packages {
		n := requirement.NameOf(r)
		if torchStack(n) || slices.ContainsFunc(more, func(m string) bool { return requirement.NameOf(m) == n }) {
			out = append(out, n)
		}
	}
	return out
}

// installs reports whether the packages include one with this normalised name.
func installs(packages []string, name string) bool {
	return slices.ContainsFunc(packages, func(r string) bool { return requirement.NameOf(r) == name })
}

// addMissing returns a copy of packages with those of more that it lacks.
func addMissing(packages, more []string) []string {
	out := slices.Clone(packages)
	for _, m := range more {
		if !installs(out, requirement.NameOf(m)) {
			out = append(out, m)
		}
	}
	return out
}

// Hash returns 64 hex digits over everything that decides the content:
// packages, pins, indexes and the Python range. The profile's name and other
// text in its file do not count, so a changed note causes no rebuild. Equal
// hashes do not guarantee equal content: packages without a pin change with the
// index.
func (p Plan) Hash() string {
	b, err := json.Marshal(struct {
		Packages, FromTorch   []string
		Hard, Soft            []Pin
		Index, TorchIndex     string
		Min, Max, Best, Accel string
		Extras                []string `json:",omitempty"` // omitted when empty, so that hashes from before extras existed stay valid
		Also                  string   `json:",omitempty"`
		Terms                 []string `json:",omitempty"`
	}{p.Packages, p.FromTorch, p.Hard, p.Soft, p.Index, p.TorchIndex, p.Python.Min, p.Python.Max, p.Python.Best, p.Accel, requirement.Strings(p.Extras), p.Python.Also, p.Terms.Lines()})
	if err != nil {
		panic(err) // strings always marshal
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// LockPlan returns the plan of an env that has exactly the packages of a lock,
// for one of these minor versions of Python, oldest first.
func LockPlan(k envdir.Key, lock *pylock.File, minors []string) Plan {
	p := Plan{Key: k, Source: Source{Own: lock.Path, Lock: lock}, Python: Python{Min: minors[0], Max: minors[len(minors)-1]}}
	if p.Python.Min == p.Python.Max {
		p.Python.Best = p.Python.Min
	}
	for _, one := range lock.Packages {
		p.Packages = append(p.Packages, requirement.Normal(one.Name)+"=="+one.Version)
	}
	slices.Sort(p.Packages) // equal locks have equal plans
	return p
}

// WithTorchIndex returns the plan with another index for torch's packages, from
// [index] torch. It replaces {accel} by the accelerator. It does not change an
// index that serves another package (llama-cpp-python).
func (p Plan) WithTorchIndex(index string) Plan {
	if index != "" && slices.Contains(p.FromTorch, "torch") {
		p.TorchIndex = strings.ReplaceAll(index, "{accel}", p.Accel)
	}
	return p
}
