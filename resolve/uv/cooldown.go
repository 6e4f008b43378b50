package uv

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// cooldown is the cool-down of one resolution: releases younger than an age are
// passed over. A poisoned release is usually found within hours.
//
// Some packages are exempt: those with a version that the user or a profile wrote,
// and those from torch's index, which gives only some files a date. uv passes over a
// file without a date. So a package is also exempt once uv says that a file of it
// has none.
type cooldown struct {
	age     time.Duration
	before  string          // the time as uv's --exclude-newer; "" for no cool-down
	exempt  map[string]bool // by normalised name
	undated bool            // some files have no date
	waived  []string        // exempt because nothing else resolves
	over    bool            // ended for all packages because nothing else resolves
	user    []string        // entries of the user's UV_EXCLUDE_NEWER_PACKAGE
}

// newCooldown returns the cool-down for a plan. There is none if the user has
// UV_EXCLUDE_NEWER, which uv reads itself, or if every index is a folder, which has
// no dates.
func newCooldown(c Config, p profile.Plan) *cooldown {
	between := func(r rune) bool { return r == ' ' || r == ',' }
	cool := &cooldown{age: c.Cooldown, exempt: map[string]bool{}, user: strings.FieldsFunc(c.Env.Get("UV_EXCLUDE_NEWER_PACKAGE"), between)}
	indexes := slices.Concat(c.IndexExtra, p.Terms.Indexes, strings.Fields(c.Env.Get("UV_INDEX")), strings.Fields(c.Env.Get("UV_EXTRA_INDEX_URL")),
		[]string{c.defaultIndex(cmp.Or(p.Terms.DefaultIndex, p.Index))})
	dated := slices.ContainsFunc(indexes, func(url string) bool { return !strings.Contains(url, "file:") })
	if c.Cooldown == 0 || c.Env.Get("UV_EXCLUDE_NEWER") != "" || !dated {
		return cool
	}
	cool.before = time.Now().Add(-c.Cooldown).UTC().Format(time.RFC3339)
	for _, pin := range p.Hard {
		cool.exempt[requirement.Normal(pin.Name)] = true
	}
	for _, name := range p.FromTorch {
		cool.exempt[requirement.Normal(name)] = true
	}
	for _, text := range slices.Concat(p.Packages, requirement.Strings(p.Extras), requirement.Strings(p.Terms.Constraints)) {
		if isExact(text) {
			cool.exempt[requirement.NameOf(text)] = true
		}
	}
	return cool
}

// isExact reports whether a requirement names one version. A range leaves a choice,
// and the cool-down is about that choice.
func isExact(text string) bool {
	r, err := requirement.Parse(text)
	return err == nil && slices.ContainsFunc(r.Specs, func(s *requirement.Specifier) bool {
		return strings.HasPrefix(s.String(), "==") && !strings.HasSuffix(s.String(), ".*")
	})
}

// args returns uv's arguments if these soft pins apply. The user's entries are last:
// uv takes the last one for a package.
func (c *cooldown) args(soft []profile.Pin) []string {
	var args, entries []string
	if c.before != "" {
		args = append(args, "--exclude-newer", c.before)
		names := maps.Clone(c.exempt)
		for _, pin := range soft {
			names[requirement.Normal(pin.Name)] = true
		}
		for _, name := range slices.Sorted(maps.Keys(names)) {
			entries = append(entries, name+"=false")
		}
	}
	for _, entry := range append(entries, c.user...) {
		args = append(args, "--exclude-newer-package", entry)
	}
	return args
}

// exemptMore exempts packages, and reports whether one of them was not exempt.
func (c *cooldown) exemptMore(names []string) bool {
	before := len(c.exempt)
	for _, name := range names {
		c.exempt[requirement.Normal(name)] = true
	}
	return len(c.exempt) > before
}

// undatedPackage returns the package of a file that uv passes over because it has no
// date, or "". line is a line of uv's output.
func undatedPackage(line string) string {
	rest, warning := strings.CutPrefix(line, "warning: ")
	file, _, found := strings.Cut(rest, " is missing an upload date, but ")
	if !warning || !found {
		return ""
	}
	file = strings.Trim(file, "`") // uv 0.10 to 0.12 quote nothing
	if strings.HasSuffix(file, ".whl") {
		name, _, _ := strings.Cut(file, "-")
		return name
	}
	return file[:max(strings.LastIndexByte(file, '-'), 0)]
}

// waive ends the cool-down for the packages by which uv explains why nothing
// resolves, or for all if it names none. It reports whether that changes anything.
func (c *cooldown) waive(explanation string) bool {
	if c.before == "" {
		return false
	}
	names := namesIn(explanation, "`([^`]+)` was filtered by")
	if c.exemptMore(names) {
		c.waived = append(c.waived, names...)
		return true
	}
	c.before, c.over = "", true
	return true
}

// note returns the message for the user about what was waived, or "".
func (c *cooldown) note(l Lock) string {
	if c.over {
		return fmt.Sprintf("nothing resolves with releases older than %s: those of any age are taken (cooldown)", age(c.age))
	}
	var taken []string
	for _, name := range c.waived {
		if v := l.Version(name); v != "" {
			taken = append(taken, name+" "+v)
		}
	}
	if taken == nil {
		return ""
	}
	return fmt.Sprintf("nothing older than %s resolves in place of %s: it is taken (cooldown)", age(c.age), strings.Join(taken, ", "))
}

// age formats a cool-down: "3 days", "36 hours".
func age(d time.Duration) string {
	n, unit := int64(d/time.Hour), "hour"
	if n%24 == 0 {
		n, unit = n/24, "day"
	}
	if n != 1 {
		unit += "s"
	}
	return fmt.Sprint(n, " ", unit)
}

// namesIn returns the packages that the group of a pattern matches in uv's output,
// without repetition. uv breaks lines anywhere, also in a name.
func namesIn(output, pattern string) []string {
	var names []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(collapseSpace(output), -1) {
		if name := strings.ReplaceAll(m[1], " ", ""); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
