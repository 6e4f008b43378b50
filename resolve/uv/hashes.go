package uv

import (
	"regexp"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// lockedFile matches a file of a package in a lock, as uv writes it. uv notes one
// hash for each file, and computes it if the index gives none.
const lockedFile = `\{ [^{}]*hashes = \{ ([a-z0-9]+) = "([0-9a-f]+)" \} \},? ?`

// withHashes returns the lock with only those files that have one of the hashes that
// the user wrote. A package without a hash keeps all of its files. uv compares what
// it installs with the lock.
func (l Lock) withHashes(hashes []requirement.Checksum) (Lock, error) {
	if len(hashes) == 0 {
		return l, nil
	}
	file := regexp.MustCompile(lockedFile)
	parts, ok := l.split()
	if !ok {
		return l, fault.New(fault.Internal, "uv's lock has another form, and hashes cannot be compared with it").Fix("report this text")
	}
	for i, p := range l.Packages {
		var sums []string
		at := ""
		for _, h := range hashes {
			if h.Name == requirement.Normal(p.Name) {
				sums, at = append(sums, h.Sum), h.At
			}
		}
		if sums == nil {
			continue
		}
		var seen []string
		kept := 0
		parts[i+1] = file.ReplaceAllStringFunc(parts[i+1], func(text string) string {
			m := file.FindStringSubmatch(text)
			sum := m[1] + ":" + m[2]
			if seen = append(seen, sum); slices.Contains(sums, sum) {
				kept++
				return text
			}
			return ""
		})
		if kept == 0 {
			return l, fault.New(fault.NoSolution, "%s%s %s has none of the hashes that are asked for; the index has %s", prefix(at), p.Name, p.Version, strings.Join(seen, ", ")).
				Fix("if that file changed rightly, write its hash instead")
		}
		parts[i+1] = strings.Replace(parts[i+1], "sdist = \n", "", 1)
	}
	kept, err := ParseLock([]byte(strings.Join(parts, packageHead)))
	l.Pylock, l.Packages, l.Download = kept.Pylock, kept.Packages, kept.Download
	return l, err
}

// prefix returns file and line, with a colon, for a message.
func prefix(at string) string {
	if at == "" {
		return ""
	}
	return at + ": "
}
