package envdir

import (
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
)

// Key names what a shared env is for, for example "torch-cu121-transformers-bnb".
// It is made by [ParseKey] only, so a Key in hand is safe as a folder's name on
// every system: it holds no separator, no "..", no device name.
type Key string

// maxKey leaves room for the staging suffix and a deep site-packages below
// Windows' 260 characters.
const maxKey = 64

// ParseKey checks that s can be a key: [a-z0-9][a-z0-9._-]{0,63}, no Windows
// device name (with any extension), no trailing dot.
func ParseKey(s string) (Key, error) {
	if why := badKey(s); why != "" {
		return "", fault.New(fault.BadKey, "env key %q: %s", s, why).
			Fix("use 1 to %d of a-z 0-9 . _ - , starting with a letter or a digit, for example --env torch-cpu-transformers", maxKey)
	}
	return Key(s), nil
}

func badKey(s string) string {
	switch {
	case s == "":
		return "it is empty"
	case len(s) > maxKey:
		return "it is longer than 64 characters"
	case !alnum(s[0]):
		return "it does not start with a-z or 0-9"
	case strings.HasSuffix(s, "."):
		return "it ends in a dot"
	}
	for i := 0; i < len(s); i++ {
		if !alnum(s[i]) && s[i] != '.' && s[i] != '_' && s[i] != '-' {
			return "it holds a character that is not a-z 0-9 . _ -"
		}
	}
	if stem, _, _ := strings.Cut(s, "."); deviceName(stem) {
		return "it is the name of a Windows device"
	}
	return ""
}

func alnum(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

// deviceName reports whether Windows keeps the name for a device, whatever its
// extension: https://learn.microsoft.com/windows/win32/fileio/naming-a-file
func deviceName(stem string) bool {
	switch stem {
	case "con", "prn", "aux", "nul", "conin$", "conout$":
		return true
	}
	return len(stem) == 4 && (stem[:3] == "com" || stem[:3] == "lpt") && '0' <= stem[3] && stem[3] <= '9'
}
