// Package requirement parses requirements in the format of PEP 508, and decides
// whether an installed version meets them. It reads no files and uses no index.
//
// The usual library (aquasecurity/go-pep440-version 0.0.1) compiles its regular
// expressions at start-up. Measured, that is 0.4 ms of every launch and 274 KB.
package requirement

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Requirement is a requirement for a distribution, or for Python itself under
// the name "python", which no index has.
type Requirement struct {
	Name   string       // normalised: see Normal; "" for a file:// URL alone
	Extras []string     // sorted
	Specs  []*Specifier // all must hold
	URL    string       // of a direct reference, with its secret; "" if there is none
	marker marker
}

// Python is the name of the interpreter in a requirement.
const Python = "python"

// urlForm is the reason why a text that is only a URL cannot be used.
const urlForm = "it does not begin with the name of a package; a URL is written as NAME @ URL"

// maxText is far longer than any real requirement.
const maxText = 1000

// Parse parses a requirement such as "rich", "httpx[http2] >=0.27,<1" or
// "tomli; python_version < '3.11'" (https://peps.python.org/pep-0508/).
//
// A direct reference is "rich @ https://…", "rich @ git+https://…@v1" or
// "rich @ file:///…". A file:// URL alone is a folder or a file whose name is not
// known yet. For a path see [Located]. The error describes what is wrong with s,
// without s itself.
func Parse(s string) (Requirement, error) {
	r, why := parse(s)
	if why != "" {
		return Requirement{}, errors.New(why)
	}
	return r, nil
}

// parse does the work of Parse, and returns the reason instead of an error.
func parse(s string) (r Requirement, why string) {
	p := scanner{rest: strings.TrimSpace(s)}
	switch {
	case len(s) > maxText:
		return r, "it is longer than 1000 characters"
	case p.rest == "":
		return r, "it is empty"
	case p.rest[0] == '-':
		return r, "it is an option, not a package"
	case strings.ContainsFunc(p.rest, func(c rune) bool { return c < ' ' && c != '\t' || c == 127 || c == utf8.RuneError }):
		return r, "it holds a control character, or is not UTF-8"
	}
	if strings.HasPrefix(p.rest, "file://") {
		why = p.direct(&r)
		return r, why
	}
	name := p.take(func(c byte) bool { return isAlnum(c) || c == '.' || c == '_' || c == '-' })
	if name == "" || strings.ContainsAny(p.rest, `/\`) && !strings.ContainsAny(p.rest, "@;") || name[0] == '.' {
		return r, urlForm
	}
	if !isAlnum(name[0]) || !isAlnum(name[len(name)-1]) {
		return r, quoted(name) + " is no package name"
	}
	r.Name = Normal(name)
	p.space()
	if p.skip("[") {
		list, ok := p.until("]")
		if !ok {
			return r, "a ] is missing"
		}
		if r.Extras, why = extras(list); why != "" {
			return r, why
		}
		p.space()
	}
	if p.skip("@") {
		p.space()
		if why = p.direct(&r); why == "" && r.Name == Python {
			why = "python takes versions only"
		}
		return r, why
	}
	if strings.Contains(p.rest, "://") { // it may hold a password, which an error must not quote
		return r, urlForm
	}
	why = p.versions(&r)
	return r, why
}

// versions parses the version part and the marker of a requirement.
func (p *scanner) versions(r *Requirement) (why string) {
	specs, tail, marked := strings.Cut(p.rest, ";")
	if specs = strings.Trim(specs, " \t"); strings.HasPrefix(specs, "(") {
		if !strings.HasSuffix(specs, ")") {
			return "a ) is missing"
		}
		specs = specs[1 : len(specs)-1]
	}
	if r.Specs, why = parseSpecifiers(specs); why != "" {
		return why
	}
	if marked {
		r.marker, why = parseMarker(tail)
	}
	if why == "" && r.Name == Python && (len(r.Extras) > 0 || marked) {
		why = "python takes versions only"
	}
	return why
}

// direct parses the URL of a direct reference, and a marker after " ;".
func (p *scanner) direct(r *Requirement) (why string) {
	r.URL = p.take(func(c byte) bool { return !isSpace(c) })
	if why = directURL(r.URL); why != "" {
		return why
	}
	p.space()
	if p.rest == "" {
		return ""
	}
	if !p.skip(";") {
		return "only a marker may follow the URL, after \" ;\""
	}
	r.marker, why = parseMarker(p.rest)
	return why
}

// extras parses the names between brackets.
func extras(list string) (out []string, why string) {
	for _, e := range strings.Split(list, ",") {
		e = strings.Trim(e, " \t")
		if e == "" || strings.Trim(e, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != "" {
			return nil, quoted(e) + " is no name of an extra"
		}
		out = append(out, Normal(e))
	}
	slices.Sort(out)
	return slices.Compact(out), ""
}

// until consumes everything up to and including end, and returns what is before end.
func (p *scanner) until(end string) (string, bool) {
	before, after, ok := strings.Cut(p.rest, end)
	if ok {
		p.rest = after
	}
	return before, ok
}

// String returns the normal form, which Parse accepts. Requirements that differ
// only in order, case or the secret of a URL have the same normal form.
func (r Requirement) String() string {
	s := r.Short()
	if r.marker == nil {
		return s
	}
	if r.URL != "" { // a URL may hold a ";"
		s += " "
	}
	return s + "; " + r.marker.String()
}

// Source returns what an installer gets: the normal form, with the secret of the
// URL.
func (r Requirement) Source() string {
	return strings.Replace(r.String(), r.Location(), r.URL, 1)
}

// Short returns the normal form without the marker.
func (r Requirement) Short() string {
	var b strings.Builder
	b.WriteString(r.Name)
	if len(r.Extras) > 0 {
		b.WriteString("[" + strings.Join(r.Extras, ",") + "]")
	}
	if r.URL != "" && r.Name != "" {
		b.WriteString(" @ ")
	}
	b.WriteString(r.Location())
	for i, s := range r.Specs {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(s.String())
	}
	return b.String()
}

// Bare reports whether the requirement is just a name: every version meets it,
// on every system.
func (r Requirement) Bare() bool {
	return len(r.Extras) == 0 && len(r.Specs) == 0 && r.URL == "" && r.marker == nil
}

// Allows reports whether an installed version meets the requirement. An invalid
// version only meets a bare name and "===".
func (r Requirement) Allows(version string) bool {
	v, ok := ParseVersion(version)
	for _, s := range r.Specs {
		if s.op == "===" && strings.EqualFold(version, s.text) {
			continue
		}
		if !ok || !s.Allows(v) {
			return false
		}
	}
	return true
}

// Applies reports whether the requirement is relevant for this system and a
// Python such as "3.12.4". It is true if that cannot be decided (a marker with
// other variables).
func (r Requirement) Applies(h Host) bool { return r.marker == nil || r.marker.eval(h) != no }

// Set returns the list sorted and without duplicates.
func Set(list []Requirement) []Requirement {
	return sortedUnique(list)
}

// sortedUnique returns a list sorted by String, without duplicates.
func sortedUnique[T fmt.Stringer](list []T) []T {
	sorted := slices.SortedFunc(slices.Values(list), func(a, b T) int { return strings.Compare(a.String(), b.String()) })
	return slices.CompactFunc(sorted, func(a, b T) bool { return a.String() == b.String() })
}

// Strings returns the normal form of each requirement.
func Strings(list []Requirement) []string {
	out := make([]string, len(list))
	for i, r := range list {
		out[i] = r.String()
	}
	return out
}

// NameOf returns the normal name in a requirement, which may be malformed: it cuts off
// extras, versions and markers.
func NameOf(text string) string {
	if i := strings.IndexAny(text, "[<>=!~; @("); i >= 0 {
		text = text[:i]
	}
	return Normal(text)
}

// Normal returns a name as indexes compare it: in lower case, with one "-" for
// every run of "-", "_" and "."
// (https://packaging.python.org/specifications/name-normalization/).
func Normal(name string) string {
	parts := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '-' || r == '_' || r == '.' })
	return strings.Join(parts, "-")
}

func quoted(s string) string { return `"` + s + `"` }
