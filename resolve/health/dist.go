package health

import (
	"strings"

	"github.com/modelrun/modelrun/resolve/requirement"
)

// dist is an installed distribution, as the name of its folder describes it.
type dist struct {
	folder, name, version string
	egg                   bool
}

// distsOf finds the distributions among the names in site-packages, by
// normalised name. It skips "~orch-2.5.1.dist-info": pip on Windows leaves that
// behind for a package it could not delete.
func distsOf(names []string) map[string]dist {
	out := make(map[string]dist)
	for _, folder := range names {
		stem, ok := strings.CutSuffix(folder, ".dist-info")
		egg := false
		if !ok {
			stem, egg = strings.CutSuffix(folder, ".egg-info")
		}
		if !ok && !egg || strings.HasPrefix(folder, "~") {
			continue
		}
		name, version, _ := strings.Cut(stem, "-")
		if old, ok := out[requirement.Normal(name)]; ok && egg && !old.egg {
			continue
		}
		if egg {
			version, _, _ = strings.Cut(version, "-py")
		}
		out[requirement.Normal(name)] = dist{folder: folder, name: name, version: version, egg: egg}
	}
	return out
}
