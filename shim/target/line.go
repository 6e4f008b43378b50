package target

import (
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/need"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// Line is the choice between the two lines of transformers. For other families, and if
// the user names the line, only Quant is set; for vllm Why says why it is that family.
type Line struct {
	Why   string // why this line, as a clause
	Both  bool   // the model loads in both lines, so an env of the other one serves too
	Quant Quant  // what the model's quantisation needs in each of them, or in another family
}

// lineOf returns the line of transformers that a model needs, and why. It is 0 if the
// model loads in both. installed is the version in the model's old env, or "".
//
// A config that version 5 saved opens in version 4 without an error, with wrong
// values: so its type alone does not decide.
func lineOf(m need.Model, installed string) (line int, why string) {
	in4, in5 := profile.Lines(m.Type)
	knows := map[int]bool{4: in4 || !in5, 5: in5 || !in4} // a type that neither knows may be a new one
	saved := profile.LineOf(m.Saved)
	switch {
	case installed != "" && (m.Code || knows[profile.LineOf(installed)]):
		return profile.LineOf(installed), "the old environment of the model has transformers " + installed
	case m.Code && m.Saved != "":
		return saved, "the model's own code is for transformers " + m.Saved
	case saved == 5:
		return 5, "transformers " + m.Saved + " saved the model's config"
	case in4 != in5 && in5:
		return 5, "transformers 4 does not know the model's type " + m.Type
	case in4 != in5:
		return 4, "transformers 5 does not know the model's type " + m.Type
	}
	return 0, ""
}

// lineFor returns the line for requirements on transformers itself, 0 for either.
// model is the line that the model needs, 0 for either: it counts if a version of it
// can meet the requirements. A line whose pin meets them comes first.
func lineFor(all []requirement.Requirement, model int) int {
	meets := func(line int, versions ...string) bool {
		return slices.ContainsFunc(versions, func(v string) bool {
			return profile.LineOf(v) == line && !slices.ContainsFunc(all, func(r requirement.Requirement) bool { return !r.Allows(v) })
		})
	}
	pinned := func(line int) bool { return meets(line, profile.Newest(line)) }
	possible := func(line int) bool {
		return meets(line, append(versionsIn(all), "0.1", "4.0", "4.9999", "5.0", "9999")...)
	}
	lines := []int{5, 4}
	if model != 0 {
		lines = []int{model}
	} else if pinned(4) && pinned(5) {
		return 0
	}
	for _, choice := range []struct {
		lines []int
		meets func(int) bool
	}{{lines, pinned}, {lines, possible}, {[]int{5, 4}, pinned}, {[]int{5, 4}, possible}} {
		if i := slices.IndexFunc(choice.lines, choice.meets); i >= 0 {
			return choice.lines[i]
		}
	}
	return model
}

// versionsIn returns the versions that requirements name.
func versionsIn(all []requirement.Requirement) (out []string) {
	for _, r := range all {
		for _, spec := range strings.Split(strings.TrimPrefix(r.Short(), r.Name), ",") {
			out = append(out, strings.TrimSuffix(strings.TrimLeft(spec, "=<>!~ "), ".*"))
		}
	}
	return out
}

// familyOf returns the family of a line of transformers.
func familyOf(line int) profile.Family {
	name := profile.DefaultFamily
	if line == 5 {
		name = profile.Transformers5
	}
	family, _ := profile.FamilyNamed(name)
	return family
}
