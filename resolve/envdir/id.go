package envdir

import (
	"crypto/md5" //nolint:gosec // the app computes names this way; it protects nothing
	"encoding/hex"
	"strings"
)

// ID is the name of an old env: <root>/environments/<ID>/.venv. The app
// computes it from the model; LocalID and HubID give the same result.
type ID string

// LocalID returns the id of a model in a folder or file: "local_" and the first
// 12 hex digits of the MD5 of its absolute, resolved path as a string. The
// caller resolves the path; an unresolved one gives another id.
func LocalID(resolved string) ID {
	sum := md5.Sum([]byte(resolved)) //nolint:gosec // see above
	return ID("local_" + hex.EncodeToString(sum[:])[:12])
}

// HubID returns the id of a model on the hub. It replaces / and \ by "__", and
// removes everything else except letters, digits, "_", "-" and ".". It returns
// "" if nothing but dots is left, so that an id never leads out of
// environments/.
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
