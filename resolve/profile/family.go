package profile

import (
	"slices"
	"strconv"
	"strings"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// Import is a module that must be importable, and the distribution that contains
// it.
type Import struct{ Module, Dist string }

// Family is a kind of stack, which determines the key. The table in families.go has
// all families.
//
// The lists apply to every accelerator. onnx differs between CUDA and the rest, so
// call [Family.For] before you use them for an env.
type Family struct {
	Name     string   // "transformers"
	Main     []string // packages whose pins are hard
	Packages []string // names or requirements to install, in order
	Bnb      []string // added for -bnb; empty if the family has no -bnb
	Shared   []Import // imports that a shared env needs
	Old      []Import // imports that an old env needs: fewer
	GPU      bool     // CUDA must work if the key names it and there is a GPU
	Quants   bool     // package need says what it needs for quantised models
	Builds   []string // packages that are built from source where no wheel is found, because they often have none

	pattern     string // "torch-{accel}-transformers"
	line        int    // 4: main packages below version 5; 5: from version 5; 0: any
	only        string // the one accelerator for which it is made; "" for any
	cuda, other variant
}

// variant is the part of a family that only applies to one kind of accelerator.
type variant struct {
	packages    []string
	shared, old []Import
}

// imports parses "module" and "module=distribution".
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

// Families returns all families in the order of the table; the first is
// [DefaultFamily]. The slices in them are shared and must not be changed.
func Families() []Family { return slices.Clone(families[:]) }

// FamilyNamed returns the family with this name.
func FamilyNamed(name string) (Family, bool) {
	for _, f := range families {
		if f.Name == name {
			return f, true
		}
	}
	return Family{}, false
}

// Builds reports whether a family has this package among its Builds.
func Builds(name string) bool {
	return slices.ContainsFunc(families[:], func(f Family) bool { return slices.Contains(f.Builds, requirement.Normal(name)) })
}

// Serves reports whether there can be an env of the family for an accelerator.
func (f Family) Serves(accel string) bool {
	return ValidAccel(accel) && (f.only == "" || f.only == accel)
}

// For returns the family for one accelerator: with its packages and imports. A
// second call changes nothing.
func (f Family) For(accel string) Family {
	x := f.other
	if IsCUDA(accel) {
		x = f.cuda
	}
	f.Packages = slices.Concat(x.packages, f.Packages)
	f.Shared = slices.Concat(x.shared, f.Shared)
	f.Old = slices.Concat(x.old, f.Old)
	f.cuda, f.other = variant{}, variant{}
	return f
}

// Needs returns the imports of a shared env, with or without bitsandbytes. The
// family must come from [Family.For] or [ParseKey].
func (f Family) Needs(bnb bool) []Import {
	if !bnb {
		return f.Shared
	}
	return slices.Concat(f.Shared, imports(f.Bnb))
}

func (f Family) isMain(name string) bool { return slices.Contains(f.Main, requirement.Normal(name)) }

// pins reports whether a pin is one of the family's main packages, in its line.
func (f Family) pins(p Pin) bool {
	return f.isMain(p.Name) && (f.line == 0 || LineOf(p.Version) == f.line)
}

// least is what a version of transformers needs, and every later one of its line.
// An earlier version may need less.
type least struct{ since, torch, python string }

// least returns the needs of the version that the pins have, or none if that
// version is older than the one whose needs are known.
func (f Family) least(pins []Pin) least {
	m := lineNeeds[f.line]
	for _, pin := range pins {
		if f.line != 0 && f.pins(pin) && requirement.CompareReleases(pin.Version, m.since) >= 0 {
			return m
		}
	}
	return least{}
}

// LineOf returns the line of a version of transformers: 5 from version 5, else 4.
func LineOf(version string) int {
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err == nil && n >= 5 {
		return 5
	}
	return 4
}

func (f Family) hasTorch() bool { return slices.Contains(f.Packages, "torch") }

// Key returns the env key of a family for one accelerator. It returns "" if the
// family does not serve the accelerator, or if bnb is set for a family without -bnb.
func (f Family) Key(accel string, bnb bool) envdir.Key {
	if !f.Serves(accel) || bnb && len(f.Bnb) == 0 {
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

// Parts are the parts of a key.
type Parts struct {
	Family Family // for this Accel
	Accel  string // "cu121"
	Bnb    bool   // with bitsandbytes
}

// ParseKey splits a canonical key. ok is false for keys of another form
// (tf-cu121-t45-bnb-stable). [Family.Key] joins the parts to the same key.
func ParseKey(k envdir.Key) (Parts, bool) {
	for _, f := range families {
		before, after, _ := strings.Cut(f.pattern, "{accel}")
		rest, ok := strings.CutPrefix(string(k), before)
		if !ok {
			continue
		}
		bnb := false
		if len(f.Bnb) > 0 {
			rest, bnb = strings.CutSuffix(rest, "-bnb")
		}
		if accel, ok := strings.CutSuffix(rest, after); ok && f.Serves(accel) {
			return Parts{Family: f.For(accel), Accel: accel, Bnb: bnb}, true
		}
	}
	return Parts{}, false
}
