package requirement

import (
	"strings"
)

// Specifier is one clause such as ">=1.0" or "==2.*".
type Specifier struct {
	op      string
	version *Version
	prefix  bool   // ends in ".*"
	text    string // the version as written; the only relevant field for ===
}

// String returns the clause without spaces and in lower case. It keeps the
// version as written, because "~=" treats 1.0 and 1.0.0 differently.
func (s *Specifier) String() string { return s.op + s.text }

// parseSpecifiers parses "" or ">=1, <2".
func parseSpecifiers(s string) (out []*Specifier, why string) {
	for _, part := range strings.Split(s, ",") {
		part = strings.Trim(part, " \t")
		if part == "" {
			continue // also after a final comma
		}
		spec, why := parseSpecifier(part)
		if why != "" {
			return nil, why
		}
		out = append(out, spec)
	}
	return sortedUnique(out), ""
}

// parseSpecifier parses one clause.
func parseSpecifier(s string) (*Specifier, string) {
	for _, op := range []string{"===", "==", "!=", "<=", ">=", "~=", "<", ">"} {
		text, ok := strings.CutPrefix(s, op)
		if !ok {
			continue
		}
		text = strings.ToLower(strings.Trim(text, " \t"))
		spec := &Specifier{op: op, text: text}
		if op == "===" {
			if text == "" || strings.ContainsAny(text, " \t;)") {
				return spec, quoted(s) + " names no version"
			}
			return spec, ""
		}
		rest, star := strings.CutSuffix(text, ".*")
		spec.prefix = star
		if spec.version, ok = ParseVersion(rest); !ok {
			return spec, quoted(text) + " is no version"
		}
		v := spec.version
		switch {
		case star && op != "==" && op != "!=":
			return spec, "only == and != take " + quoted(".*")
		case star && (v.pre != "" || v.post != "" || v.dev != "" || v.local != nil):
			return spec, quoted(text) + " is no version: .* follows a release only"
		case v.local != nil && op != "==" && op != "!=":
			return spec, "only == and != take a local version such as " + quoted("+"+strings.Join(v.local, "."))
		case op == "~=" && len(v.release) < 2:
			return spec, quoted(s) + " needs two numbers, as in ~=1.2"
		}
		return spec, ""
	}
	return nil, quoted(s) + " is no version specifier"
}

// Allows reports whether an installed version meets the clause. Pre-releases
// count like all others: pip accepts them as well once they are installed.
func (s *Specifier) Allows(v *Version) bool {
	switch s.op {
	case "===":
		return v.String() == s.text
	case "==":
		return s.equal(v)
	case "!=":
		return !s.equal(v)
	case "<=":
		return v.public().Compare(s.version) <= 0
	case ">=":
		return v.public().Compare(s.version) >= 0
	case "~=":
		return v.public().Compare(s.version) >= 0 && hasPrefix(v, s.version.release[:len(s.version.release)-1], s.version.epoch)
	case "<": // not the pre-releases of the bound itself
		return v.Compare(s.version) < 0 && (s.version.isPre() || !v.isPre() || v.base().Compare(s.version.base()) != 0)
	}
	// ">": not the post-releases or local builds of the bound itself
	same := v.base().Compare(s.version.base()) == 0
	return v.Compare(s.version) > 0 && (s.version.post != "" || v.post == "" || !same) && (v.local == nil || !same)
}

// equal implements "==".
func (s *Specifier) equal(v *Version) bool {
	switch {
	case s.prefix:
		return hasPrefix(v, s.version.release, s.version.epoch)
	case s.version.local == nil:
		return v.public().Compare(s.version) == 0
	}
	return v.Compare(s.version) == 0
}

// hasPrefix implements ".*".
func hasPrefix(v *Version, release []string, epoch string) bool {
	if v.epoch != epoch {
		return false
	}
	for i, n := range release {
		if numberAt(v.release, i) != n {
			return false
		}
	}
	return true
}
