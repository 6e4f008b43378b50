package requirement

import (
	"runtime"
	"strings"
)

// Host has the values of a marker's variables.
type Host struct {
	OS, Arch string // as Go names them
	Python   string // "3.12.4" or "3.12"; "" if not known
}

// Here returns this machine with a Python.
func Here(python string) Host { return Host{OS: runtime.GOOS, Arch: runtime.GOARCH, Python: python} }

// answer has three values: a marker that cannot be evaluated is not false.
type answer int

const (
	no answer = iota
	maybe
	yes
)

// marker is the condition after ";".
type marker interface {
	eval(h Host) answer
	String() string
}

// parseMarker parses comparisons that are joined by and, or and parentheses. It
// returns the reason if s is not a marker.
func parseMarker(s string) (marker, string) {
	p := markerParser{tokens: tokenize(s)}
	m := p.or(0)
	switch {
	case p.why != "":
		return nil, p.why
	case len(p.tokens) > 0:
		return nil, "its marker cannot be read at " + quoted(p.tokens[0])
	}
	return m, ""
}

// boolExpr is "left and right" or "left or right".
type boolExpr struct {
	and         bool
	left, right marker
}

// eval implements [marker].
func (j boolExpr) eval(h Host) answer {
	a, b := j.left.eval(h), j.right.eval(h)
	if j.and {
		return min(a, b)
	}
	return max(a, b)
}

// String returns the normal form.
func (j boolExpr) String() string {
	if !j.and {
		return j.left.String() + " or " + j.right.String()
	}
	return operand(j.left) + " and " + operand(j.right)
}

// operand formats an operand of "and": an "or" gets its parentheses back.
func operand(m marker) string {
	if j, ok := m.(boolExpr); ok && !j.and {
		return "(" + j.String() + ")"
	}
	return m.String()
}

// comparison is one comparison between a variable and a quoted text.
type comparison struct{ left, op, right string }

// String returns the normal form.
func (c comparison) String() string { return c.left + " " + c.op + " " + c.right }

// eval implements [marker].
func (c comparison) eval(h Host) answer {
	left, okL := h.value(c.left)
	right, okR := h.value(c.right)
	if !okL || !okR {
		return maybe
	}
	if c.left == "python_version" || c.left == "python_full_version" {
		if v, ok := ParseVersion(left); ok {
			if spec, why := parseSpecifier(c.op + right); why == "" {
				return toAnswer(spec.Allows(v))
			}
		}
		return maybe // the operator is "in", or the operands are swapped
	}
	switch c.op {
	case "==", "===":
		return toAnswer(left == right)
	case "!=":
		return toAnswer(left != right)
	case "in":
		return toAnswer(strings.Contains(right, left))
	case "not in":
		return toAnswer(!strings.Contains(right, left))
	}
	return maybe
}

// toAnswer converts a bool.
func toAnswer(b bool) answer {
	if b {
		return yes
	}
	return no
}

// value returns the value of a token: a quoted text or a variable. ok is false
// for a variable that is not evaluated here.
func (h Host) value(token string) (string, bool) {
	if token[0] == '"' || token[0] == '\'' {
		return token[1 : len(token)-1], true
	}
	system := map[string][3]string{ // sys_platform, platform_system, os_name
		"linux": {"linux", "Linux", "posix"}, "darwin": {"darwin", "Darwin", "posix"}, "windows": {"win32", "Windows", "nt"},
	}[h.OS]
	switch token {
	case "python_version":
		major, rest, ok := strings.Cut(h.Python, ".")
		minor, _, _ := strings.Cut(rest, ".")
		return major + "." + minor, ok
	case "python_full_version":
		return h.Python, strings.Count(h.Python, ".") > 1
	case "sys_platform":
		return system[0], system[0] != ""
	case "platform_system":
		return system[1], system[1] != ""
	case "os_name":
		return system[2], system[2] != ""
	case "platform_machine":
		machine := map[string]string{
			"amd64": "x86_64", "windows/amd64": "AMD64", "arm64": "arm64", "linux/arm64": "aarch64", "windows/arm64": "ARM64",
		}
		if m, ok := machine[h.OS+"/"+h.Arch]; ok {
			return m, true
		}
		m, ok := machine[h.Arch]
		return m, ok
	}
	return "", false
}

// markerParser is a recursive-descent parser.
type markerParser struct {
	tokens []string
	why    string
}

// maxDepth limits nested parentheses.
const maxDepth = 20

// or parses operands joined by "or".
func (p *markerParser) or(depth int) marker {
	m := p.and(depth)
	for p.why == "" && p.accept("or") {
		m = boolExpr{false, m, p.and(depth)}
	}
	return m
}

// and parses operands joined by "and".
func (p *markerParser) and(depth int) marker {
	m := p.primary(depth)
	for p.why == "" && p.accept("and") {
		m = boolExpr{true, m, p.primary(depth)}
	}
	return m
}

// primary parses a comparison, or a marker in parentheses.
func (p *markerParser) primary(depth int) marker {
	if p.accept("(") {
		if depth > maxDepth {
			p.why = "its marker has too many parentheses"
			return nil
		}
		m := p.or(depth + 1)
		if p.why == "" && !p.accept(")") {
			p.why = "its marker lacks a )"
		}
		return m
	}
	c := comparison{left: p.token(), op: p.token()}
	if c.op == "not" && p.accept("in") {
		c.op = "not in"
	}
	c.right = p.token()
	if p.why == "" {
		p.why = c.invalid()
	}
	return c
}

// invalid returns the reason why a comparison is invalid, or "".
func (c comparison) invalid() string {
	switch c.op {
	case "===", "==", "!=", "<=", ">=", "~=", "<", ">", "in", "not in":
	default:
		return "its marker has no comparison " + quoted(c.op)
	}
	quotes := 0
	for _, w := range []string{c.left, c.right} {
		switch {
		case w[0] == '"' || w[0] == '\'':
			quotes++
		case !isVariable(w):
			return "its marker asks for " + quoted(w)
		}
	}
	if quotes == 2 {
		return "its marker compares two texts"
	}
	return ""
}

// isVariable reports whether a token is one of PEP 508's variables.
func isVariable(token string) bool {
	switch token {
	case "python_version", "python_full_version", "os_name", "sys_platform", "platform_release", "platform_system",
		"platform_version", "platform_machine", "platform_python_implementation", "implementation_name", "implementation_version", "extra":
		return true
	}
	return false
}

// accept consumes a token if it is the next one.
func (p *markerParser) accept(token string) bool {
	if len(p.tokens) == 0 || p.tokens[0] != token {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

// token consumes and returns the next token.
func (p *markerParser) token() string {
	if len(p.tokens) == 0 {
		if p.why == "" {
			p.why = "its marker ends too early"
		}
		return "?"
	}
	w := p.tokens[0]
	p.tokens = p.tokens[1:]
	return w
}

// tokenize splits a marker into parentheses, operators, names and quoted texts. It
// quotes a text with ' if possible, because on Windows a pasted argument is
// quoted with ".
func tokenize(s string) (out []string) {
	p := scanner{rest: s}
	for p.space(); p.rest != ""; p.space() {
		switch c := p.rest[0]; {
		case c == '(' || c == ')':
			out, p.rest = append(out, string(c)), p.rest[1:]
		case c == '"' || c == '\'':
			text, after, ok := strings.Cut(p.rest[1:], string(c))
			if !ok {
				return append(out, "?"+string(c))
			}
			if !strings.Contains(text, "'") {
				c = '\''
			}
			out, p.rest = append(out, string(c)+text+string(c)), after
		case strings.IndexByte("=!<>~", c) >= 0:
			out = append(out, p.take(func(c byte) bool { return strings.IndexByte("=!<>~", c) >= 0 }))
		default:
			w := p.take(func(c byte) bool { return isAlnum(c) || c == '_' || c == '.' })
			if w == "" {
				return append(out, "?"+string(c))
			}
			out = append(out, w)
		}
	}
	return out
}
