package profile

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// Own is an env that the user defines in modelrun.toml: [envs."my-key"].
type Own struct {
	Base     envdir.Key        // the key whose packages come first; "" for none
	BaseOwn  *Own              // the definition of Base; nil if a profile defines it
	Packages []string          // requirements
	Terms    requirement.Terms // what limits them, and what their builds may import
	Index    string            // URL; one that ends in an accelerator (…/whl/cu121) serves only torch's packages
	Python   string            // "3.12"; "" for any
	Imports  []string          // "module" or "module=distribution", for the probe
	From     string            // the file that defines it, for messages
}

// Hash returns 16 hex digits over the user's own text: the definition and those of
// its bases in [envs]. A profile that is the base does not count, so an env stays
// what its user wrote when modelrun brings newer profiles.
func (o Own) Hash() string {
	parts := slices.Concat([]string{string(o.Base), o.Index, o.Python}, o.Packages, []string{""}, o.Terms.Lines())
	if o.BaseOwn != nil {
		parts = append(parts, o.BaseOwn.Hash())
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// Family returns what the key of the first base in a profile names. ok is false if
// the env has no such base.
func (o Own) Family() (p Parts, ok bool) {
	if o.BaseOwn != nil {
		return o.BaseOwn.Family()
	}
	return ParseKey(o.Base)
}

// Includes reports whether the definition itself, or one of its bases in [envs],
// names a package.
func (o Own) Includes(name string) bool {
	return installs(o.Packages, name) || o.BaseOwn != nil && o.BaseOwn.Includes(name)
}

// Needs returns what an env of the definition must import, with what its base must.
func (o Own) Needs() []Import {
	out := imports(o.Imports)
	for i, module := range o.Imports {
		if !strings.Contains(module, "=") && !o.Includes(requirement.NameOf(module)) {
			out[i].Dist = "" // the distribution is not known (yaml is in pyyaml): the probe decides
		}
	}
	if o.BaseOwn != nil {
		return slices.Concat(o.BaseOwn.Needs(), out)
	}
	if parts, ok := ParseKey(o.Base); ok {
		return slices.Concat(parts.Family.Needs(parts.Bnb), out)
	}
	return out
}

// OwnPlan returns the plan of a user-defined env without a base. It adds pip, because
// the app and its users expect it. It validates nothing; the installer refuses
// invalid requirements.
func OwnPlan(k envdir.Key, o Own) Plan {
	p := Plan{
		Key: k, Source: Source{Own: o.From, OwnHash: o.Hash()}, Accel: indexAccel(o.Index), Packages: addMissing(o.Packages, []string{"pip"}),
		Python: Python{Min: o.Python, Max: o.Python, Best: o.Python}, Shared: o.Needs(), Terms: o.Terms,
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

// Extend returns the plan of a user-defined env from that of its base: all that the
// base has, and then its own packages. A pin of the base that contradicts one of them
// gives way.
func (o Own) Extend(k envdir.Key, base Plan) Plan {
	p := base
	p.Key, p.Own, p.OwnHash, p.Shared = k, o.From, o.Hash(), o.Needs()
	var parsed []requirement.Requirement
	for _, text := range o.Packages {
		if r, err := requirement.Parse(text); err == nil { // uv says what is wrong with any other text
			parsed = append(parsed, r)
		}
	}
	if o.Python != "" {
		text := requirement.Python + "==" + o.Python
		if strings.Count(o.Python, ".") < 2 {
			text += ".*"
		}
		if r, err := requirement.Parse(text); err == nil {
			parsed = append(parsed, r)
		}
	}
	p = p.WithExtras(parsed)
	p.Packages, p.Extras = slices.Concat(p.Packages, o.Packages), nil
	switch {
	case o.Index == "":
	case indexAccel(o.Index) == "":
		p.Index = o.Index
	case len(p.FromTorch) > 0:
		p.TorchIndex = o.Index
	}
	return p.WithTerms(o.Terms)
}
