package profile

import (
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/requirement"
)

// WithExtras returns the plan with requirements beyond its key. All of it is
// resolved together, and the plan's hard pins stay hard. torchvision and
// torchaudio come from the same index as torch.
func (p Plan) WithExtras(with []requirement.Requirement) Plan {
	for _, r := range with {
		if r.Name == requirement.Python {
			p.Python.Also = specs(r)
			if !r.Allows(p.Python.Best) {
				p.Python.Best = ""
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

// specs returns the version part of a requirement.
func specs(r requirement.Requirement) string { return strings.TrimPrefix(r.Short(), r.Name) }

// Covers reports whether every env that is built from the plan meets a
// requirement. It is true for a package of the plan without a version or with
// one that the pin meets, and for a range that includes every Python of the
// plan.
func (p Plan) Covers(r requirement.Requirement) bool {
	if r.Name == requirement.Python { // any Python of the range may be used
		return p.Python.Min != "" && p.Python.Max != "" && r.Allows(p.Python.Min) && r.Allows(p.Python.Max+".99")
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
