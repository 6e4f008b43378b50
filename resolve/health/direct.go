package health

import (
	"encoding/json"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/requirement"
)

// maxDirectURL is far above the size of a direct_url.json.
const maxDirectURL = 64 << 10

// hasDirect reports whether an env has a direct reference. An env that was made for
// it has it until the package is replaced. In every other env a
// direct_url.json must name the same address
// (https://packaging.python.org/specifications/direct-url/).
func (st *site) hasDirect(r requirement.Requirement, seal Seal) bool {
	dists := distsOf(st.names)
	if slices.Contains(seal.With, r.String()) {
		name := r.Name
		for _, s := range seal.Sources {
			if s.Path == r.Path() {
				name = s.Name
			}
		}
		version := dists[name].version
		return version != "" && printable(version) == seal.Installed[name]
	}
	if len(r.Extras) > 0 {
		return false // an env does not show whether it has them
	}
	for name, d := range dists {
		if (r.Name == "" || r.Name == name) && st.addressOf(d) == plainAddress(r) {
			return true
		}
	}
	return false
}

// addressOf returns what a distribution was installed from, as in plainAddress, or
// "" if it came from an index.
func (st *site) addressOf(d dist) string {
	data, err := readLimited(filepath.Join(st.packages, d.folder, "direct_url.json"), maxDirectURL)
	var file struct {
		URL          string `json:"url"`
		Subdirectory string `json:"subdirectory"`
		VCS          struct {
			Name     string `json:"vcs"`
			Revision string `json:"requested_revision"`
		} `json:"vcs_info"`
	}
	if err != nil || json.Unmarshal(data, &file) != nil || file.URL == "" {
		return ""
	}
	if file.VCS.Name != "" {
		file.URL = file.VCS.Name + "+" + file.URL
	}
	if file.VCS.Revision != "" {
		file.URL += "@" + file.VCS.Revision
	}
	if file.Subdirectory != "" {
		file.URL += "#subdirectory=" + file.Subdirectory
	}
	r, err := requirement.Parse("x @ " + file.URL)
	if err != nil {
		return ""
	}
	return plainAddress(r)
}

// plainAddress returns the address of a direct reference without a user, a checksum
// and escapes, so that two spellings of it are equal.
func plainAddress(r requirement.Requirement) string {
	address, fragment, _ := strings.Cut(r.Location(), "#")
	if scheme, rest, ok := strings.Cut(address, "://"); ok {
		host, path, _ := strings.Cut(rest, "/")
		address = scheme + "://" + host[strings.LastIndexByte(host, '@')+1:] + "/" + path
	}
	if plain, err := url.PathUnescape(address); err == nil {
		address = plain
	}
	address = strings.TrimSuffix(strings.TrimRight(strings.Replace(address, ".git@", "@", 1), "/"), ".git")
	for _, part := range strings.Split(fragment, "&") {
		if strings.HasPrefix(part, "subdirectory=") {
			address += "#" + part
		}
	}
	return address
}
