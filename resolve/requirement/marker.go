package requirement

import (
	"runtime"
	"strings"
)

// Host is what markers ask about.
type Host struct {
	OS, Arch string // as Go names them
	Python   string // "3.12.4" or "3.12"; "" not known
}

// Here is this machine with a Python.
func Here(python string) Host { return Host{OS: runtime.GOOS, Arch: runtime.GOARCH, Python: python} }

// answer has three values: what cannot be told is no "no".
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

// parseMarker reads comparisons joined by and, or and parentheses.
func parseMarker(s string) (marker, string) {
	p := markers{words: words(s)}
	m := p.or(0)
	switch {
	case p.why != "":
		return nil, p.why
	case len(p.words) > 0:
		return nil, "its marker cannot be read at " + quoted(p.words[0])
	}
	return m, ""
}

type joined struct {
	and         bool
	left, right marker
}

func (j joined) eval(h Host) answer {
	a, b := j.left.eval(h), j.right.eval(h)
	if j.and {
		return min(a, b)
	}
	return max(a, b)
}

func (j joined) String() string {
	if !j.and {
		return j.left.String() + " or " + j.right.String()
	}
	return side(j.left) + " and " + side(j.right)
}

// side is an operand of "and": an "or" there stood in parentheses.
func side(m marker) string {
	if j, ok := m.(joined); ok && !j.and {
		return "(" + j.String() + ")"
	}
	return m.String()
}

// compared is one comparison: a variable on one side, a quoted text on the other.
type compared struct{ left, op, right string }

func (c compared) String() string { return c.left + " " + c.op + " " + c.right }

func (c compared) eval(h Host) answer {
	left, okL := h.value(c.left)
	right, okR := h.value(c.right)
	if !okL || !okR {
		return maybe
	}
	if c.left == "python_version" || c.left == "python_full_version" {
		if v, ok := ParseVersion(left); ok {
			if spec, why := parseSpecifier(c.op + right); why == "" {
				return told(spec.Allows(v))
			}
		}
		return maybe // "in", or the other way round
	}
	switch c.op {
	case "==", "===":
		return told(left == right)
	case "!=":
		return told(left != right)
	case "in":
		return told(strings.Contains(right, left))
	case "not in":
		return told(!strings.Contains(right, left))
	}
	return maybe
}

func told(b bool) answer {
	if b {
		return yes
	}
	return no
}

// value is what a word stands for; ok is false for a variable that is not
// evaluated here.
func (h Host) value(word string) (string, bool) {
	if word[0] == '"' || word[0] == '\'' {
		return word[1 : len(word)-1], true
	}
	system := map[string][3]string{ // sys_platform, platform_system, os_name
		"linux": {"linux", "Linux", "posix"}, "darwin": {"darwin", "Darwin", "posix"}, "windows": {"win32", "Windows", "nt"},
	}[h.OS]
	switch word {
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

// markers reads words.
type markers struct {
	words []string
	why   string
}

// maxDepth bounds parentheses.
const maxDepth = 20

func (p *markers) or(depth int) marker {
	m := p.and(depth)
	for p.why == "" && p.next("or") {
		m = joined{false, m, p.and(depth)}
	}
	return m
}

func (p *markers) and(depth int) marker {
	m := p.one(depth)
	for p.why == "" && p.next("and") {
		m = joined{true, m, p.one(depth)}
	}
	return m
}

func (p *markers) one(depth int) marker {
	if p.next("(") {
		if depth > maxDepth {
			p.why = "its marker has too many parentheses"
			return nil
		}
		m := p.or(depth + 1)
		if p.why == "" && !p.next(")") {
			p.why = "its marker lacks a )"
		}
		return m
	}
	c := compared{left: p.word(), op: p.word()}
	if c.op == "not" && p.next("in") {
		c.op = "not in"
	}
	c.right = p.word()
	if p.why == "" {
		p.why = c.wrong()
	}
	return c
}

func (c compared) wrong() string {
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
		case !variable(w):
			return "its marker asks for " + quoted(w)
		}
	}
	if quotes == 2 {
		return "its marker compares two texts"
	}
	return ""
}

// variable reports one of PEP 508's variables.
func variable(word string) bool {
	switch word {
	case "python_version", "python_full_version", "os_name", "sys_platform", "platform_release", "platform_system",
		"platform_version", "platform_machine", "platform_python_implementation", "implementation_name", "implementation_version", "extra":
		return true
	}
	return false
}

func (p *markers) next(word string) bool {
	if len(p.words) == 0 || p.words[0] != word {
		return false
	}
	p.words = p.words[1:]
	return true
}

func (p *markers) word() string {
	if len(p.words) == 0 {
		if p.why == "" {
			p.why = "its marker ends too early"
		}
		return "?"
	}
	w := p.words[0]
	p.words = p.words[1:]
	return w
}

// words cuts a marker up: parentheses, operators, names, quoted texts. A text
// gets ' where it can: on Windows a pasted word stands in ".
func words(s string) (out []string) {
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
