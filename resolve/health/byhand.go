package health

import (
	"slices"
	"sort"
	"strings"
	"unicode"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// Past is what the seal of an env tells besides its health.
type Past struct {
	Changed bool     // packages were installed, upgraded or removed since it was sealed
	ByHand  []string // which: "+rich 13.7.1", "-foo 1.0", "~bar 1.0 -> 1.1"; empty for a seal without a list
	With    []string // the needs beyond its key that it was made for
	Again   []string // requirements that put back what ByHand added or changed
}

// PastOf compares an env with its seal. An env that cannot be read, or has no
// seal, tells nothing.
func PastOf(d envdir.Dir) Past {
	seal, ok, err := ReadSeal(d)
	if err != nil || !ok {
		return Past{}
	}
	p := Past{With: seal.With}
	st, bad, err := readSite(d)
	if err != nil || bad.Code != "" || digest(st.names) == seal.Digest {
		return p
	}
	p.Changed = true
	if len(seal.Installed) == 0 {
		return p // sealed before it held a list
	}
	now := installed(distsOf(st.names))
	for name, version := range now {
		switch before, was := seal.Installed[name]; {
		case !was:
			p.ByHand = append(p.ByHand, "+"+name+" "+version)
		case before != version:
			p.ByHand = append(p.ByHand, "~"+name+" "+before+" -> "+version)
		default:
			continue
		}
		// The name of a folder is nobody's promise: what is no requirement is not pasted.
		if r, err := requirement.Parse(name + "==" + version); err == nil {
			p.Again = append(p.Again, r.String())
		}
	}
	for name, version := range seal.Installed {
		if _, is := now[name]; !is {
			p.ByHand = append(p.ByHand, "-"+name+" "+version)
		}
	}
	sort.Slice(p.ByHand, func(i, j int) bool { return p.ByHand[i][1:] < p.ByHand[j][1:] })
	slices.Sort(p.Again)
	return p
}

// word is a folder's name that stands in a line for people.
func word(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.IsSpace(r) {
			return '?'
		}
		return r
	}, s)
}

// installed is the version of each distribution, by its name as indexes spell it.
func installed(dists map[string]dist) map[string]string {
	out := make(map[string]string, len(dists))
	for _, d := range dists {
		out[word(requirement.Normal(d.name))] = word(d.version)
	}
	return out
}
