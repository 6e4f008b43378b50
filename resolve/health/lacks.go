package health

import (
	"os"
	"slices"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// Lacks returns the requirements that an env does not meet, in readable form:
// "rich", "httpx>=0.27 (it has 0.25)". It uses only the names in site-packages,
// because the modules of a distribution can have any name. It lists one folder and
// reads no file of a package.
//
// An env does not show whether it has "httpx[http2]". Only an env that was made for
// that very requirement counts as having it. A direct reference is looked for in
// the direct_url.json of the distributions. For an env that cannot be read, Lacks
// returns nothing: the health check reports why it cannot be used.
func Lacks(d envdir.Dir, with []requirement.Requirement) ([]string, error) {
	if len(with) == 0 {
		return nil, nil
	}
	st, bad, err := readSite(d)
	if err != nil || bad.Code != "" {
		return nil, err
	}
	python := st.cfg.full
	if python == "" {
		python = st.cfg.minor
	}
	dists := distsOf(st.names)
	var seal Seal // says what the env was made for; read only if a requirement cannot be seen otherwise
	var out []string
	for _, r := range with {
		if !r.Applies(requirement.Here(python)) {
			continue
		}
		has := python
		if r.Name != requirement.Python {
			has = dists[requirement.Normal(r.Name)].version
		}
		if (len(r.Extras) > 0 || r.URL != "") && seal.Schema == 0 {
			if seal, _, err = ReadSeal(d); err != nil {
				return nil, err
			}
			seal.Schema = 1 // it is read, even if there is none
		}
		switch {
		case r.URL != "":
			if !st.hasDirect(r, seal) {
				out = append(out, r.Short())
			}
		case has == "":
			out = append(out, r.Short())
		case !r.Allows(has):
			out = append(out, r.Short()+" (it has "+has+")")
		case len(r.Extras) > 0 && !slices.Contains(seal.With, r.String()):
			out = append(out, r.Short()+" (whether it has that extra cannot be seen)")
		}
	}
	return out, nil
}

// Installed returns the version of a distribution in an env, by the names in its
// site-packages. It returns "" if that cannot be seen.
func Installed(d envdir.Dir, name string) string {
	entries, _ := os.ReadDir(d.SitePackages(minorOnDisk(d)))
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return distsOf(names)[requirement.Normal(name)].version
}
