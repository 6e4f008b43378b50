package profile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// GaveWay is the pins that give way to one requirement, because the user's word is
// stronger than a profile's.
type GaveWay struct {
	Pins []Pin
	To   string // "transformers==4.46.0"
}

// Yielded returns one line for each requirement that overrules pins of the plan.
func (p Plan) Yielded() (lines []string) {
	for _, g := range p.GaveWay {
		var pins []string
		for _, pin := range g.Pins {
			pins = append(pins, pin.Name+"=="+pin.Version)
		}
		verb := " gives way to "
		if len(pins) > 1 {
			verb = " give way to "
		}
		lines = append(lines, strings.Join(pins, ", ")+" of profile "+p.Profile+verb+g.To)
	}
	return lines
}

// Kept returns the soft pins that no requirement overrules. Soft has them all, so
// that the hash of a plan stays what it was before pins could give way.
func (p Plan) Kept() []Pin {
	return slices.DeleteFunc(slices.Clone(p.Soft), func(pin Pin) bool {
		return slices.ContainsFunc(p.GaveWay, func(g GaveWay) bool { return slices.Contains(g.Pins, pin) })
	})
}

// Moved reports whether a pin of a package gave way.
func (p Plan) Moved(name string) bool {
	return slices.ContainsFunc(p.GaveWay, func(g GaveWay) bool {
		return slices.ContainsFunc(g.Pins, func(pin Pin) bool { return requirement.Normal(pin.Name) == name })
	})
}

// WithExtras returns the plan with requirements beyond its key. All of it is
// resolved together. A pin that contradicts a requirement gives way. torchvision
// and torchaudio come from the same index as torch.
func (p Plan) WithExtras(with []requirement.Requirement) Plan {
	p.Extras, p.FromTorch = slices.Clone(p.Extras), slices.Clone(p.FromTorch) // once, because a file may have thousands
	for _, r := range with {
		if r.Name == requirement.Python {
			p.Python.Also = strings.Trim(p.Python.Also+","+specs(r), ",")
			if !r.Allows(p.Python.Best) {
				p.Python.Best = ""
			}
			continue
		}
		p = p.overrule(r)
		p.Extras = append(p.Extras, r)
		if r.URL != "" {
			p.FromTorch = slices.DeleteFunc(p.FromTorch, func(name string) bool { return name == r.Name })
		} else if p.TorchIndex != "" && torchStack(r.Name) && !slices.Contains(p.FromTorch, r.Name) {
			p.FromTorch = append(p.FromTorch, r.Name)
		}
	}
	return p
}

// Asked returns what the user asked for beyond the key, without hashes. It is empty
// if the plan is that of the key.
func (p Plan) Asked() []string {
	if p.Own != "" && len(p.Extras) == 0 { // what limits a definition is part of it
		return nil
	}
	return slices.Concat(requirement.Strings(p.Extras), slices.DeleteFunc(p.Terms.Lines(), func(l string) bool {
		return strings.HasPrefix(l, "--hash ") || strings.HasPrefix(l, "--build-requires ")
	}))
}

// CheckPython returns a NoPython error if the plan and a requirement for Python
// beyond its key contradict each other, so that no Python can be in both ranges.
func (p Plan) CheckPython() error {
	also, err := requirement.Parse(requirement.Python + " " + p.Python.Also)
	if p.Python.Also == "" || err != nil {
		return nil
	}
	for minor := 8; minor < 50; minor++ {
		for patch := range 50 {
			v := fmt.Sprintf("3.%d.%d", minor, patch)
			if p.Python.includes(v) && also.Allows(v) {
				return nil
			}
		}
	}
	remedy := "ask for another one, or use another profile or env key"
	if v, ok := strings.CutPrefix(p.Python.Also, "=="); ok && strings.Count(v, ".") == 1 && !strings.ContainsAny(v, "*,") {
		remedy = p.Python.Also + " is " + v + ".0 alone, any " + v + " is " + p.Python.Also + ".*"
	}
	return fault.New(fault.NoPython, "no Python can be %s, which is asked for by --python, --with or requires-python: %s has %s",
		p.Python.Also, cmp.Or(p.Own, "profile "+p.Profile), p.Python.span()).Fix("%s", remedy)
}

// includes reports whether a version such as "3.11.4" is between Min and Max.
func (p Python) includes(v string) bool {
	return (p.Min == "" || requirement.CompareReleases(v, p.Min) >= 0) &&
		(p.Max == "" || strings.HasPrefix(v, p.Max+".") || requirement.CompareReleases(v, p.Max) <= 0)
}

// span describes Min and Max: "Python 3.10 to 3.12".
func (p Python) span() string {
	switch {
	case p.Min == p.Max:
		return strings.TrimSpace("Python " + p.Min)
	case p.Min == "":
		return "Python up to " + p.Max
	case p.Max == "":
		return "Python from " + p.Min
	}
	return "Python " + p.Min + " to " + p.Max
}

// WithTerms returns the plan with terms. A pin that contradicts a constraint gives
// way. An index of the terms serves torch's packages as well, if they are among the
// requirements beyond the key.
func (p Plan) WithTerms(t requirement.Terms) Plan {
	p.Terms = p.Terms.And(t)
	for _, c := range t.Constraints {
		p = p.overrule(c)
	}
	if len(t.Indexes) > 0 && slices.ContainsFunc(torchPackages, p.asksFor) {
		p.FromTorch = slices.DeleteFunc(slices.Clone(p.FromTorch), torchStack)
	}
	return p
}

// asksFor reports whether a requirement beyond the key is about a package.
func (p Plan) asksFor(name string) bool {
	return slices.ContainsFunc(p.Extras, func(r requirement.Requirement) bool { return r.Name == name })
}

// overrule returns the plan without the pins that a requirement contradicts. The
// three packages of torch are built for each other, so they give way together.
func (p Plan) overrule(r requirement.Requirement) Plan {
	about := func(pin Pin) bool {
		name := requirement.Normal(pin.Name)
		return name == r.Name || torchStack(name) && torchStack(r.Name)
	}
	contradicts := func(pin Pin) bool {
		return requirement.Normal(pin.Name) == r.Name && (r.URL != "" || !r.Allows(pin.Version))
	}
	if !r.Applies(requirement.Here(p.Python.Best)) || !slices.ContainsFunc(slices.Concat(p.Hard, p.Kept()), contradicts) {
		return p
	}
	way := GaveWay{To: r.Short()}
	for _, pin := range slices.Concat(p.Hard, p.Kept()) {
		if about(pin) {
			way.Pins = append(way.Pins, pin)
		}
	}
	p.Hard = slices.DeleteFunc(slices.Clone(p.Hard), about)
	p.GaveWay = append(slices.Clone(p.GaveWay), way)
	return p
}

// CheckVersions returns an error for resolved versions that no resolver rejects and
// that do not work together. version returns "" for a package that is not among
// them.
func (p Plan) CheckVersions(version func(name string) string) error {
	transformers, torch := version("transformers"), version("torch")
	if transformers == "" || torch == "" || LineOf(transformers) < 5 || requirement.CompareReleases(torch, lineNeeds[5].torch) >= 0 {
		return nil
	}
	from := ""
	if slices.ContainsFunc(p.Hard, func(pin Pin) bool { return pin.Name == "torch" }) {
		from = ", which is what profile " + p.Profile + " has"
	}
	return fault.New(fault.NoSolution, "transformers %s needs torch %s or newer, and does not work with torch %s%s", transformers, lineNeeds[5].torch, torch, from)
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
	if len(r.Extras) > 0 || r.URL != "" || !installs(p.Packages, r.Name) {
		return false
	}
	if len(r.Specs) == 0 {
		return true
	}
	return slices.ContainsFunc(p.Hard, func(pin Pin) bool {
		return requirement.Normal(pin.Name) == r.Name && r.Allows(pin.Version)
	})
}
