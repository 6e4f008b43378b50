package envdir

import (
	"crypto/md5" //nolint:gosec // a name that the app computes so, not a protection
	"encoding/hex"
	"strings"
)

// ID names an old env: <root>/environments/<ID>/.venv. The app computes it from
// the model, and these two functions compute the same.
type ID string

// LocalID is the id of a model in a folder or file: "local_" and the first 12
// hex digits of the md5 of its absolute, resolved path, taken as a string.
// The caller resolves the path; an unresolved one gives another id.
func LocalID(resolved string) ID {
	sum := md5.Sum([]byte(resolved)) //nolint:gosec // see above
	return ID("local_" + hex.EncodeToString(sum[:])[:12])
}

// HubID is the id of a model on the hub: / and \ become "__", and of the rest
// only letters, digits, "_", "-" and "." stay. It is "" for a name of which
// nothing but dots stays, so that it can never climb out of environments/.
func HubID(name string) ID {
	name = strings.NewReplacer("/", "__", `\`, "__").Replace(name)
	name = strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == '.' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, name)
	if strings.Trim(name, ".") == "" {
		return ""
	}
	return ID(name)
}
