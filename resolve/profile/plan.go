package profile

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// Plan is what one env is made of.
type Plan struct {
	Key         envdir.Key
	Accel       string // "" unknown: an own env
	Profile     string // name, for messages and the seal; "" for an own env
	ProfilePath string // its file; "" for one in the binary
	Own         string // the file whose [envs] defines the key; "" for a profile's
	ProfileHash string
	Index       string   // default index of an own env; "" the user's setting or PyPI
	TorchIndex  string   // "" when nothing comes from it; may be file://
	FromTorch   []string // names that come from TorchIndex only; all of them stand in Packages
	Packages    []string // requirements to install, in order
	Extras      []string // needs beyond the key; they never weaken a pin of Packages
	// Hard pins never give way; each is of an installed package. Soft pins are
	// constraints, taken in this order while they still resolve; many name
	// packages that are not installed at all, which does no harm.
	Hard, Soft                       []Pin
	PythonMin, PythonMax, PythonBest string   // "3.10"; "" free
	PythonAlso                       string   // a narrower range that a need asks for, ">=3.11"; "" none
	Shared                           []Import // what the deep probe must import
}

// Plan says what a profile gives a family. Only what the family needs is
// installed, whatever else the profile pins (PySide6, streamlit).
func (p Profile) Plan(k envdir.Key, f Family, bnb bool) Plan {
	o := p.For(f)
	f = f.For(p.Accel)
	packages := f.Packages
	if bnb {
		packages = add(packages, f.Bnb)
	}
	plan := Plan{
		Key: k, Accel: p.Accel, Profile: p.Name, ProfileHash: p.Hash, ProfilePath: p.Path,
		Packages:  packages,
		PythonMin: p.PythonMin, PythonMax: p.PythonMax, PythonBest: p.PythonBest,
		Shared: f.Needs(bnb),
	}
	if o.TorchIndex != "" {
		if f.hasTorch() || len(p.Families[f.Name].IndexPackages) > 0 {
			plan.Packages = add(plan.Packages, o.IndexPackages)
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
func (p Plan) HasTorch() bool { return installs(p.Packages, "torch") || installs(p.Extras, "torch") }

// torchStack reports whether a name belongs to the three that are built
// together and must match each other to the digit.
func torchStack(name string) bool {
	return name == "torch" || name == "torchvision" || name == "torchaudio"
}

// fromTorch is which of the packages come from the torch index. An explicit
// index serves only those that are named, and uv looks only at direct
// requirements: so the CUDA libraries and triton come from the default index,
// which has them, while the tritons of ROCm and XPU, which only torch's index
// has, are index_packages of their profiles
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

func installs(packages []string, name string) bool {
	return slices.ContainsFunc(packages, func(r string) bool { return requirement.NameOf(r) == name })
}

// add appends what is not there yet, to a copy.
func add(packages, more []string) []string {
	out := slices.Clone(packages)
	for _, m := range more {
		if !installs(out, requirement.NameOf(m)) {
			out = append(out, m)
		}
	}
	return out
}

// Hash is 64 hex digits over what decides the content: packages, pins, indexes,
// Python range. The profile's name and other text of its file do not count, so
// a changed note rebuilds nothing. Equal hashes do not promise equal content:
// what floats moves with the index.
func (p Plan) Hash() string {
	b, err := json.Marshal(struct {
		Packages, FromTorch   []string
		Hard, Soft            []Pin
		Index, TorchIndex     string
		Min, Max, Best, Accel string
		Extras                []string `json:",omitempty"` // without any the hash is what it was before there were some
		Also                  string   `json:",omitempty"`
	}{p.Packages, p.FromTorch, p.Hard, p.Soft, p.Index, p.TorchIndex, p.PythonMin, p.PythonMax, p.PythonBest, p.Accel, p.Extras, p.PythonAlso})
	if err != nil {
		panic(err) // strings always marshal
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Own is an env that modelrun.toml describes: [envs."my-key"].
type Own struct {
	Packages []string // requirements
	Index    string   // URL; one that ends in an accelerator (…/whl/cu121) serves only torch's names
	Python   string   // "3.12"; "" free
	Imports  []string // "module" or "module=distribution", for the probe
	From     string   // the file that says so, for messages
}

// OwnPlan is the plan of an own env. pip is added: the app and its users expect
// it. Nothing is checked here; the installer refuses what is no requirement.
func OwnPlan(k envdir.Key, o Own) Plan {
	p := Plan{
		Key: k, Own: o.From, Accel: indexAccel(o.Index), Packages: add(o.Packages, []string{"pip"}),
		PythonMin: o.Python, PythonMax: o.Python, PythonBest: o.Python, Shared: imports(o.Imports),
	}
	for i, module := range o.Imports {
		if !strings.Contains(module, "=") && !installs(o.Packages, requirement.NameOf(module)) {
			p.Shared[i].Dist = "" // yaml is pyyaml's: only the probe can tell
		}
	}
	if p.Accel == "" {
		p.Index = o.Index
	} else if p.FromTorch = fromTorch(p.Packages, nil); len(p.FromTorch) > 0 {
		p.TorchIndex = o.Index
	}
	if parts, ok := ParseKey(k); ok {
		p.Accel = parts.Accel
	}
	return p
}

// WithTorchIndex is the plan with another index for torch's own names, as
// [index] torch says: {accel} stands for the accelerator. An index that serves
// another package (llama-cpp-python's) is left alone.
func (p Plan) WithTorchIndex(index string) Plan {
	if index != "" && slices.Contains(p.FromTorch, "torch") {
		p.TorchIndex = strings.ReplaceAll(index, "{accel}", p.Accel)
	}
	return p
}
