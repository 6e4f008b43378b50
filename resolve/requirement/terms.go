package requirement

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
)

// Terms say where requirements come from, and what limits them. Two envs with the
// same requirements and other terms are two envs. The zero value has no terms.
type Terms struct {
	DefaultIndex string        // index that replaces the default one; "" for none
	Indexes      []string      // further indexes, which are asked first
	Constraints  []Requirement // limits for packages that are installed anyway
	Hashes       []Checksum    // the files that may be installed
	Build        []Requirement // packages that a build from source may import
	Lock         string        // 64 hex digits over a lock that has all packages; "" for none

	// Options is not a term. It holds the options of a command line that give
	// these terms, each with a space before it. It is "" if the terms come from
	// a seal.
	Options string
	// At is not a term. It holds file and line of each requirement that Options
	// gives, by its normal form.
	At map[string]string
}

// Checksum is a hash that a file of a package may have.
type Checksum struct {
	Name string // of the package, normalised
	Sum  string // "sha256:" and hex digits
	At   string // file and line, for messages; "" if the terms come from a seal
}

// The words before each term in its written form.
const (
	termDefault    = "--default-index "
	termIndex      = "--index "
	termConstraint = "--constraint "
	termHash       = "--hash "
	termBuild      = "--build-requires "
	termLock       = "--lock sha256:"
)

// Empty reports whether there are no terms.
func (t Terms) Empty() bool {
	return t.DefaultIndex == "" && t.Lock == "" && len(t.Indexes)+len(t.Constraints)+len(t.Hashes)+len(t.Build) == 0
}

// Lines returns the written form, one term per line: "--index https://…". Equal
// terms have equal lines. A secret in a URL is masked.
func (t Terms) Lines() []string {
	if t.Empty() {
		return nil
	}
	var out []string
	for _, c := range Strings(Set(t.Constraints)) {
		out = append(out, termConstraint+c)
	}
	for _, r := range Strings(Set(t.Build)) {
		out = append(out, termBuild+r)
	}
	for _, h := range t.Hashes {
		out = append(out, termHash+h.Name+" "+h.Sum)
	}
	slices.Sort(out)
	out = slices.Compact(out)
	for _, url := range t.Indexes { // their order matters: the first one that has a package serves it
		out = append(out, termIndex+fault.Mask(url))
	}
	if t.Lock != "" {
		out = append(out, termLock+t.Lock)
	}
	if t.DefaultIndex != "" {
		out = append(out, termDefault+fault.Mask(t.DefaultIndex))
	}
	return out
}

// Written returns the normal form of requirements and of their terms, as a seal
// keeps it.
func (t Terms) Written(list []Requirement) []string { return append(Strings(list), t.Lines()...) }

// Brief returns lines of [Terms.Written] for people: a file may have hundreds of
// hashes, which are only counted.
func Brief(lines []string) []string {
	out := slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return strings.HasPrefix(l, termHash) })
	switch n := len(lines) - len(out); n {
	case 0:
	case 1:
		out = append(out, "1 hash")
	default:
		out = append(out, fmt.Sprintf("%d hashes", n))
	}
	return out
}

// Hash returns 8 hex digits over requirements and their terms. Order, case and
// spaces do not matter. Without terms it is the same as [Hash].
func (t Terms) Hash(list []Requirement) string {
	sum := sha256.Sum256([]byte(strings.Join(t.Written(Set(list)), "\n")))
	return hex.EncodeToString(sum[:4])
}

// And returns both terms, with the Options and At of t. The indexes of u come first.
func (t Terms) And(u Terms) Terms {
	t.DefaultIndex = cmp.Or(u.DefaultIndex, t.DefaultIndex)
	t.Indexes = slices.Concat(u.Indexes, t.Indexes)
	t.Constraints = slices.Concat(t.Constraints, u.Constraints)
	t.Hashes = slices.Concat(t.Hashes, u.Hashes)
	t.Build = slices.Concat(t.Build, u.Build)
	return t
}

// ReadWritten reads the lines of [Terms.Written]. It leaves out a line that is
// malformed, and the hash then differs.
func ReadWritten(lines []string) (list []Requirement, t Terms) {
	for _, line := range lines {
		if url, ok := strings.CutPrefix(line, termIndex); ok {
			t.Indexes = append(t.Indexes, url)
		} else if url, ok := strings.CutPrefix(line, termDefault); ok {
			t.DefaultIndex = url
		} else if sum, ok := strings.CutPrefix(line, termLock); ok {
			t.Lock = sum
		} else if text, ok := strings.CutPrefix(line, termHash); ok {
			name, sum, _ := strings.Cut(text, " ")
			t.Hashes = append(t.Hashes, Checksum{Name: name, Sum: sum})
		} else if text, ok := strings.CutPrefix(line, termConstraint); ok {
			if r, err := Parse(text); err == nil {
				t.Constraints = append(t.Constraints, r)
			}
		} else if r, err := Parse(line); err == nil {
			list = append(list, r)
		}
	}
	return list, t
}
