package requirement

import (
	"cmp"
	"strconv"
	"strings"
)

// Version is a version according to PEP 440. Numbers are strings of digits
// without leading zeros: a date with a time exceeds every integer type.
// https://packaging.python.org/specifications/version-specifiers/
type Version struct {
	epoch     string
	release   []string
	pre, preN string // "a", "b", "rc" and its number; "" if missing
	post, dev string // the numbers; "" if missing
	local     []string
}

// ParseVersion parses "1.0", "v1.0-rc.1", "1!2.0.post1.dev2+cpu". ok is false
// if s is not a version.
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
		v.epoch = trimZeros(first)
		if first = p.digits(); first == "" {
			return v, false
		}
	}
	v.release = []string{trimZeros(first)}
	for {
		back := p
		if n := ""; p.skip(".") {
			if n = p.digits(); n != "" {
				v.release = append(v.release, trimZeros(n))
				continue
			}
		}
		p = back
		break
	}
	v.suffixes(&p)
	if p.skip("+") {
		v.local = p.localTag()
		if v.local == nil {
			return v, false
		}
	}
	return v, p.rest == ""
}

// suffixes parses everything that can follow the release: pre, post and dev.
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
			v.post = trimZeros(n)
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

// String returns the normal form.
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

// isPre reports whether the version is a pre-release.
func (v *Version) isPre() bool { return v.pre != "" || v.dev != "" }

// public returns the version without its local tag.
func (v *Version) public() *Version {
	w := *v
	w.local = nil
	return &w
}

// base returns only epoch and release.
func (v *Version) base() *Version { return &Version{epoch: v.epoch, release: v.release} }

// Compare returns a negative number if v is earlier than w, 0 if they are
// equal, and otherwise a positive number.
func (v *Version) Compare(w *Version) int {
	return cmp.Or(
		compareNumbers(v.epoch, w.epoch),
		compareReleases(v.release, w.release),
		cmp.Compare(v.preRank(), w.preRank()), compareNumbers(v.preN, w.preN),
		comparePresence(v.post, w.post, -1), compareNumbers(v.post, w.post),
		comparePresence(v.dev, w.dev, 1), compareNumbers(v.dev, w.dev),
		compareLocals(v.local, w.local),
	)
}

// preRank orders 1.0.dev1 before 1.0a1, and 1.0 after all its pre-releases.
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

// comparePresence compares two versions by whether they have a part. without is the
// result if only a lacks it.
func comparePresence(a, b string, without int) int {
	switch {
	case a == "" && b != "":
		return without
	case a != "" && b == "":
		return -without
	}
	return 0
}

// compareReleases compares two releases.
func compareReleases(a, b []string) int {
	for i := range max(len(a), len(b)) {
		if c := compareNumbers(numberAt(a, i), numberAt(b, i)); c != 0 {
			return c
		}
	}
	return 0
}

// numberAt returns a number of a release. Missing numbers are 0.
func numberAt(release []string, i int) string {
	if i < len(release) {
		return release[i]
	}
	return "0"
}

// compareLocals compares local tags: a missing tag comes first, and words come before
// numbers.
func compareLocals(a, b []string) int {
	for i := range min(len(a), len(b)) {
		x, y := a[i], b[i]
		dx, dy := isDigits(x), isDigits(y)
		c := 0
		switch {
		case dx && dy:
			c = compareNumbers(x, y)
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

// compareNumbers compares digits without leading zeros.
func compareNumbers(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// trimZeros removes leading zeros.
func trimZeros(s string) string {
	if s = strings.TrimLeft(s, "0"); s == "" {
		return "0"
	}
	return s
}

// isDigits reports whether s consists of digits.
func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// scanner reads a text from left to right.
type scanner struct{ rest string }

// skip consumes a prefix, if it is there.
func (p *scanner) skip(prefix string) (ok bool) {
	p.rest, ok = strings.CutPrefix(p.rest, prefix)
	return ok
}

// take consumes and returns all bytes up to the first that is not in.
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

// suffix parses ".rc-1" and similar: a word, with an optional separator before
// it and before its number. The number is 0 if it is missing.
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
		return w, trimZeros(n)
	}
	*p = back
	return "", ""
}

// separator skips one "-", "_" or ".".
func (p *scanner) separator() {
	if p.rest != "" && strings.IndexByte("-_.", p.rest[0]) >= 0 {
		p.rest = p.rest[1:]
	}
}

// localTag parses "cpu.20-1". It returns nil if that fails.
func (p *scanner) localTag() (out []string) {
	for {
		part := p.take(isAlnum)
		if part == "" {
			return nil
		}
		if isDigits(part) {
			part = trimZeros(part)
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

// CompareReleases compares the dotted numbers of two versions. The result is
// negative if a comes first. Missing numbers and parts that are not numbers count
// as 0. A local tag, as in 2.1.0+cu121, is ignored.
//
// It also accepts text that is not a version of PEP 440, such as a driver's
// 550.54.14 or a compute capability. To compare versions of packages, use
// [Version.Compare].
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
