package profile

import (
	_ "embed" // families.json
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/requirement"
)

//go:embed families.json
var familiesJSON []byte

// DefaultFamily is the family of a model that nothing says more about.
const DefaultFamily = "transformers"

// families is decoded at most once, when it is first asked for: never at
// start-up, and 30 µs later.
var families = sync.OnceValue(func() []Family {
	var f struct {
		Families []familyFile `json:"families"`
	}
	if err := json.Unmarshal(familiesJSON, &f); err != nil {
		panic(err) // the binary's own data; a test reads it
	}
	all := make([]Family, len(f.Families))
	for i, d := range f.Families {
		all[i] = d.family()
	}
	return all
})

// Import is one thing that must be importable, and the distribution it comes from.
type Import struct{ Module, Dist string }

// Family is what kind of stack a key belongs to. Families are data: families.json.
//
// The lists are those for every accelerator; onnx differs between CUDA and the
// rest, so ask [Family.For] before using them for an env.
type Family struct {
	Name     string
	Main     []string // hard: these pins never give way
	Packages []string // what is installed, in order; names or requirements
	Bnb      []string // added for -bnb; empty: the family has no -bnb
	Shared   []Import // needs of a shared env
	Old      []Import // needs of an old env: more lenient
	GPU      bool     // whether CUDA is asked for when the key says so and a GPU is there
	Quants   []string // quantisations that it serves, as quant_method spells them

	pattern     string // "torch-{accel}-transformers"
	cuda, other extra
}

// extra is what a family has besides for one kind of accelerator.
type extra struct {
	packages    []string
	shared, old []Import
}

// familyFile is one family as it is written; an import is "module" or "module=distribution".
type familyFile struct {
	Name          string   `json:"name"`
	Key           string   `json:"key"`
	Main          []string `json:"main"`
	Packages      []string `json:"packages"`
	CUDAPackages  []string `json:"cuda_packages"`
	OtherPackages []string `json:"other_packages"`
	Bnb           []string `json:"bnb"`
	Shared        []string `json:"shared"`
	CUDAShared    []string `json:"cuda_shared"`
	OtherShared   []string `json:"other_shared"`
	Old           []string `json:"old"`
	CUDAOld       []string `json:"cuda_old"`
	OtherOld      []string `json:"other_old"`
	Covers        []string `json:"covers"`
	GPU           bool     `json:"gpu"`
}

func (d familyFile) family() Family {
	return Family{
		Name: d.Name, pattern: d.Key, Main: d.Main, Packages: d.Packages, Bnb: d.Bnb,
		Shared: imports(d.Shared), Old: imports(d.Old), GPU: d.GPU, Quants: d.Covers,
		cuda:  extra{d.CUDAPackages, imports(d.CUDAShared), imports(d.CUDAOld)},
		other: extra{d.OtherPackages, imports(d.OtherShared), imports(d.OtherOld)},
	}
}

// imports reads "module" and "module=distribution".
func imports(list []string) []Import {
	out := make([]Import, 0, len(list))
	for _, s := range list {
		module, dist, ok := strings.Cut(s, "=")
		if !ok {
			dist = module
		}
		out = append(out, Import{Module: module, Dist: dist})
	}
	return out
}

// Families are all families, in the order of the file; the first is
// [DefaultFamily]. The slices inside are shared: read them, do not write them.
func Families() []Family { return slices.Clone(families()) }

// FamilyNamed finds one.
func FamilyNamed(name string) (Family, bool) {
	for _, f := range families() {
		if f.Name == name {
			return f, true
		}
	}
	return Family{}, false
}

// Covers reports whether this family serves a quantisation, as quant_method
// spells it.
func (f Family) Covers(quant string) bool { return slices.Contains(f.Quants, quant) }

// For is the family as it is for one accelerator: what is installed and what
// must be importable. Once more For changes nothing.
func (f Family) For(accel string) Family {
	x := f.other
	if IsCUDA(accel) {
		x = f.cuda
	}
	f.Packages = slices.Concat(x.packages, f.Packages)
	f.Shared = slices.Concat(x.shared, f.Shared)
	f.Old = slices.Concat(x.old, f.Old)
	f.cuda, f.other = extra{}, extra{}
	return f
}

// Needs is what a shared env must import, with or without bitsandbytes. The
// family is one of [Family.For] or [ParseKey].
func (f Family) Needs(bnb bool) []Import {
	if !bnb {
		return f.Shared
	}
	return slices.Concat(f.Shared, imports(f.Bnb))
}

func (f Family) isMain(name string) bool { return slices.Contains(f.Main, requirement.Normal(name)) }

func (f Family) hasTorch() bool { return slices.Contains(f.Packages, "torch") }

// Key is the env key of a family for one accelerator; "" when the accelerator
// is none, or bnb is asked of a family that has no -bnb.
func (f Family) Key(accel string, bnb bool) envdir.Key {
	if !ValidAccel(accel) || bnb && len(f.Bnb) == 0 {
		return ""
	}
	s := strings.Replace(f.pattern, "{accel}", accel, 1)
	if bnb {
		s += "-bnb"
	}
	k, err := envdir.ParseKey(s)
	if err != nil {
		return ""
	}
	return k
}

// Parts is a key taken apart.
type Parts struct {
	Family Family // as it is for Accel
	Accel  string
	Bnb    bool
}

// ParseKey takes a canonical key apart. Keys of another shape
// (tf-cu121-t45-bnb-stable) are not ok. What is ok, [Family.Key] spells the same.
func ParseKey(k envdir.Key) (Parts, bool) {
	for _, f := range families() {
		before, after, _ := strings.Cut(f.pattern, "{accel}")
		rest, ok := strings.CutPrefix(string(k), before)
		if !ok {
			continue
		}
		bnb := false
		if len(f.Bnb) > 0 {
			rest, bnb = strings.CutSuffix(rest, "-bnb")
		}
		if accel, ok := strings.CutSuffix(rest, after); ok && ValidAccel(accel) {
			return Parts{Family: f.For(accel), Accel: accel, Bnb: bnb}, true
		}
	}
	return Parts{}, false
}
