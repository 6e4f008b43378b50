package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/profile"
)

// The lines around the table of versions in docs/profiles.md.
const (
	tableBegin = "<!-- versions: make profiles -->\n"
	tableEnd   = "<!-- end -->\n"
)

// withTable returns the page with the table of these profiles.
func withTable(page string, files []*file) (string, error) {
	before, rest, ok := strings.Cut(page, tableBegin)
	_, after, closed := strings.Cut(rest, tableEnd)
	if !ok || !closed {
		return "", fmt.Errorf("it has no line %q, or none %q after it", tableBegin, tableEnd)
	}
	var b strings.Builder
	b.WriteString(before + tableBegin + "| accelerator | family | versions | verified |\n|---|---|---|---|\n")
	for _, f := range files {
		row := func(family string, p pins, without []string, v profile.Verified) {
			text := make([]string, len(p))
			for i, pin := range p {
				text[i] = pin.Name + " " + public(pin.Version)
			}
			for _, name := range without {
				text = append(text, "no "+name)
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s %s |\n", f.Accelerator, family, cmp.Or(strings.Join(text, ", "), "the newest"), v.Level, v.Date)
		}
		row(profile.DefaultFamily, f.Packages, f.Without, f.Verified)
		for _, name := range slices.Sorted(maps.Keys(f.Families)) {
			e := f.Families[name]
			row(name, e.Packages, e.Without, e.Verified)
		}
	}
	b.WriteString(tableEnd + after)
	return b.String(), nil
}
