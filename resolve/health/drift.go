package health

import (
	"slices"
	"sort"
	"strings"
	"unicode"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// Drift describes how an env differs from its seal.
type Drift struct {
	Changed   bool     // packages were installed, upgraded or removed since the env was sealed
	Changes   []string // each change: "+rich 13.7.1", "-foo 1.0", "~bar 1.0 -> 1.1"; empty if the seal has no list of packages
	With      []string // the requirements beyond its key that the env was made for
	Reinstall []string // requirements that repeat the additions and upgrades in Changes
}

// DriftOf compares an env with its seal. It returns the zero value for an env
// that cannot be read or has no seal.
func DriftOf(d envdir.Dir) Drift {
	seal, ok, err := ReadSeal(d)
	if err != nil || !ok {
		return Drift{}
	}
	p := Drift{With: seal.With}
	st, bad, err := readSite(d)
	if err != nil || bad.Code != "" || digest(st.names) == seal.Digest {
		return p
	}
	p.Changed = true
	if len(seal.Installed) == 0 {
		return p // sealed by a version that wrote no list
	}
	now := installed(distsOf(st.names))
	for name, version := range now {
		switch before, was := seal.Installed[name]; {
		case !was:
			p.Changes = append(p.Changes, "+"+name+" "+version)
		case before != version:
			p.Changes = append(p.Changes, "~"+name+" "+before+" -> "+version)
		default:
			continue
		}
		// A folder can have any name. Only a valid requirement may be pasted
		// into a command.
		if r, err := requirement.Parse(name + "==" + version); err == nil {
			p.Reinstall = append(p.Reinstall, r.String())
		}
	}
	for name, version := range seal.Installed {
		if _, is := now[name]; !is {
			p.Changes = append(p.Changes, "-"+name+" "+version)
		}
	}
	sort.Slice(p.Changes, func(i, j int) bool { return p.Changes[i][1:] < p.Changes[j][1:] })
	slices.Sort(p.Reinstall)
	return p
}

// printable replaces control characters and spaces, so that a folder's name
// fits in a line of output.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.IsSpace(r) {
			return '?'
		}
		return r
	}, s)
}

// installed maps each distribution's normalised name to its version.
func installed(dists map[string]dist) map[string]string {
	out := make(map[string]string, len(dists))
	for _, d := range dists {
		out[printable(requirement.Normal(d.name))] = printable(d.version)
	}
	return out
}
