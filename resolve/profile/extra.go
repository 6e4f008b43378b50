package profile

import (
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/requirement"
)

// WithExtras is the plan with needs beyond its key: all of it is resolved at
// once, and the plan's hard pins stay hard. torchvision and torchaudio come from
// where torch comes from.
func (p Plan) WithExtras(with []requirement.Requirement) Plan {
	for _, r := range with {
		if r.Name == requirement.Python {
			p.PythonAlso = specs(r)
			if !r.Allows(p.PythonBest) {
				p.PythonBest = ""
			}
			continue
		}
		p.Extras = append(slices.Clone(p.Extras), r.String())
		if p.TorchIndex != "" && torchStack(r.Name) && !slices.Contains(p.FromTorch, r.Name) {
			p.FromTorch = append(slices.Clone(p.FromTorch), r.Name)
		}
	}
	return p
}

// specs is the version part of a requirement.
func specs(r requirement.Requirement) string { return strings.TrimPrefix(r.Short(), r.Name) }

// Covers reports whether an env that is built from the plan meets a need for
// certain: a package of the plan's own, in any version or in the pinned one, or
// every Python of its range.
func (p Plan) Covers(r requirement.Requirement) bool {
	if r.Name == requirement.Python { // any of the range may be taken
		return p.PythonMin != "" && p.PythonMax != "" && r.Allows(p.PythonMin) && r.Allows(p.PythonMax+".99")
	}
	if len(r.Extras) > 0 || !installs(p.Packages, r.Name) {
		return false
	}
	if len(r.Specs) == 0 {
		return true
	}
	return slices.ContainsFunc(p.Hard, func(pin Pin) bool {
		return requirement.Normal(pin.Name) == r.Name && r.Allows(pin.Version)
	})
}
