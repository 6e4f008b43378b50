package requirement

import (
	"cmp"
	"strconv"
	"strings"
)

// Version is one version as PEP 440 reads it. Numbers are kept as digits
// without leading zeros: a date with a time is longer than any integer.
// https://packaging.python.org/specifications/version-specifiers/
type Version struct {
	epoch     string
	release   []string
	pre, preN string // "a", "b", "rc"; "" none
	post, dev string // the number; "" none
	local     []string
}

// ParseVersion reads "1.0", "v1.0-rc.1", "1!2.0.post1.dev2+cpu". ok is false
// for what is no version.
func ParseVersion(s string) (v *Version, ok bool) {
	v = &Version{}
	p := scanner{rest: strings.ToLower(strings.TrimSpace(s))}
	p.skip("v")
	first := p.digits()
	if first == "" {
		return v, false
	}
	v.epoch = "0"
	if p.skip("!") {
		v.epoch = number(first)
		if first = p.digits(); first == "" {
			return v, false
		}
	}
	v.release = []string{number(first)}
	for {
		back := p
		if n := ""; p.skip(".") {
			if n = p.digits(); n != "" {
				v.release = append(v.release, number(n))
				continue
			}
		}
		p = back
		break
	}
	v.suffixes(&p)
	if p.skip("+") {
		v.local = p.locals()
		if v.local == nil {
			return v, false
		}
	}
	return v, p.rest == ""
}

// suffixes reads what may follow the release: pre, post and dev.
func (v *Version) suffixes(p *scanner) {
	if word, n := p.suffix("alpha", "beta", "preview", "pre", "a", "b", "c", "rc"); word != "" {
		v.pre, v.preN = word, n
		switch word {
		case "alpha":
			v.pre = "a"
		case "beta":
			v.pre = "b"
		case "preview", "pre", "c":
			v.pre = "rc"
		}
	}
	back := *p
	if p.skip("-") {
		if n := p.digits(); n != "" { // 1.0-1 is 1.0.post1
			v.post = number(n)
		} else {
			*p = back
		}
	}
	if v.post == "" {
		if word, n := p.suffix("post", "rev", "r"); word != "" {
			v.post = n
		}
	}
	if word, n := p.suffix("dev"); word != "" {
		v.dev = n
	}
}

// String is the normal form.
func (v *Version) String() string {
	var b strings.Builder
	if v.epoch != "0" {
		b.WriteString(v.epoch + "!")
	}
	b.WriteString(strings.Join(v.release, "."))
	if v.pre != "" {
		b.WriteString(v.pre + v.preN)
	}
	if v.post != "" {
		b.WriteString(".post" + v.post)
	}
	if v.dev != "" {
		b.WriteString(".dev" + v.dev)
	}
	if v.local != nil {
		b.WriteString("+" + strings.Join(v.local, "."))
	}
	return b.String()
}

func (v *Version) isPre() bool { return v.pre != "" || v.dev != "" }

// public is the version without its local tag.
func (v *Version) public() *Version {
	w := *v
	w.local = nil
	return &w
}

// base is epoch and release alone.
func (v *Version) base() *Version { return &Version{epoch: v.epoch, release: v.release} }

// Compare orders two versions: negative when v is the earlier one.
func (v *Version) Compare(w *Version) int {
	return cmp.Or(
		numbers(v.epoch, w.epoch),
		releases(v.release, w.release),
		cmp.Compare(v.preRank(), w.preRank()), numbers(v.preN, w.preN),
		present(v.post, w.post, -1), numbers(v.post, w.post),
		present(v.dev, w.dev, 1), numbers(v.dev, w.dev),
		locals(v.local, w.local),
	)
}

// preRank puts 1.0.dev1 before 1.0a1, and 1.0 after all of its pre-releases.
func (v *Version) preRank() int {
	switch {
	case v.pre == "" && v.post == "" && v.dev != "":
		return 0
	case v.pre == "a":
		return 1
	case v.pre == "b":
		return 2
	case v.pre == "rc":
		return 3
	}
	return 4
}

// present orders what has a part against what has none: without is the side of
// the one that has none.
func present(a, b string, without int) int {
	switch {
	case a == "" && b != "":
		return without
	case a != "" && b == "":
		return -without
	}
	return 0
}

func releases(a, b []string) int {
	for i := range max(len(a), len(b)) {
		if c := numbers(at(a, i), at(b, i)); c != 0 {
			return c
		}
	}
	return 0
}

// at is a release's number; those that are not written are 0.
func at(release []string, i int) string {
	if i < len(release) {
		return release[i]
	}
	return "0"
}

// locals orders local tags: none before any, words before numbers.
func locals(a, b []string) int {
	for i := range min(len(a), len(b)) {
		x, y := a[i], b[i]
		dx, dy := isDigits(x), isDigits(y)
		c := 0
		switch {
		case dx && dy:
			c = numbers(x, y)
		case dx:
			return 1
		case dy:
			return -1
		default:
			c = strings.Compare(x, y)
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

// numbers compares digits without leading zeros.
func numbers(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// number takes the leading zeros off.
func number(s string) string {
	if s = strings.TrimLeft(s, "0"); s == "" {
		return "0"
	}
	return s
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// scanner reads a text from left to right.
type scanner struct{ rest string }

func (p *scanner) skip(prefix string) (ok bool) {
	p.rest, ok = strings.CutPrefix(p.rest, prefix)
	return ok
}

func (p *scanner) take(in func(byte) bool) string {
	n := 0
	for n < len(p.rest) && in(p.rest[n]) {
		n++
	}
	out := p.rest[:n]
	p.rest = p.rest[n:]
	return out
}

func (p *scanner) digits() string { return p.take(isDigit) }

func (p *scanner) space() { p.take(isSpace) }

// suffix reads ".rc-1" and the like: a word, with a separator before it and one
// before its number, which is 0 where none is written.
func (p *scanner) suffix(words ...string) (word, n string) {
	back := *p
	p.separator()
	for _, w := range words {
		if !p.skip(w) {
			continue
		}
		after := *p
		p.separator()
		if n = p.digits(); n == "" {
			*p = after
		}
		return w, number(n)
	}
	*p = back
	return "", ""
}

func (p *scanner) separator() {
	if p.rest != "" && strings.IndexByte("-_.", p.rest[0]) >= 0 {
		p.rest = p.rest[1:]
	}
}

// locals reads "cpu.20-1"; nil when there is none.
func (p *scanner) locals() (out []string) {
	for {
		part := p.take(isAlnum)
		if part == "" {
			return nil
		}
		if isDigits(part) {
			part = number(part)
		}
		out = append(out, part)
		before := p.rest
		if p.separator(); p.rest == before {
			return out
		}
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlnum(c byte) bool { return isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// CompareReleases orders the dotted numbers of two versions: negative when a comes
// first. Missing numbers and parts that are not numbers count as 0. A local tag,
// as in 2.1.0+cu121, is ignored.
//
// It takes what is no version of PEP 440 as well, such as a driver's 550.54.14 or a
// compute capability. To order versions of packages, use [Version.Compare].
func CompareReleases(a, b string) int {
	a, _, _ = strings.Cut(a, "+")
	b, _, _ = strings.Cut(b, "+")
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(x), len(y)) {
		var m, n int
		if i < len(x) {
			m, _ = strconv.Atoi(x[i]) // not a number: 0
		}
		if i < len(y) {
			n, _ = strconv.Atoi(y[i])
		}
		if m != n {
			return cmp.Compare(m, n)
		}
	}
	return 0
}
