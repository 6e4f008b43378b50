package envdir

import (
	"strings"
	"unicode/utf8"

	"github.com/modelrun/modelrun/resolve/fault"
)

// Key identifies the purpose of a shared env, for example
// "torch-cu121-transformers-bnb". Only [ParseKey] creates keys. A Key is
// therefore safe as a folder's name on every system: it contains no separator
// and no "..", and is not a device name.
type Key string

// maxKey leaves space for the staging suffix and a deep site-packages within
// the 260 characters of Windows.
const maxKey = 64

// ParseKey checks that s can be a key: [a-z0-9][a-z0-9._-]{0,63}, not a Windows
// device name (with any extension), no dot at the end.
func ParseKey(s string) (Key, error) {
	if why := keyProblem(s); why != "" {
		return "", fault.New(fault.BadKey, "env key %q: %s", s, why).
			Fix("use 1 to %d of a-z 0-9 . _ - , starting with a letter or a digit, for example --env torch-cpu-transformers", maxKey)
	}
	return Key(s), nil
}

// keyProblem returns the reason why s cannot be a key, or "".
func keyProblem(s string) string {
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
	if DeviceName(s) {
		return "it is the name of a Windows device"
	}
	return ""
}

func alnum(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

// DeviceName reports whether Windows before 11 treats the name of a file or
// folder as a device. Case and extension do not matter. The superscript digits
// of Latin-1 count (COM¹):
// https://learn.microsoft.com/windows/win32/fileio/naming-a-file
func DeviceName(name string) bool {
	stem, _, _ := strings.Cut(strings.ToLower(name), ".")
	stem = strings.TrimRight(stem, " ")
	switch stem {
	case "con", "prn", "aux", "nul", "conin$", "conout$":
		return true
	}
	port, ok := strings.CutPrefix(stem, "com")
	if !ok {
		port, ok = strings.CutPrefix(stem, "lpt")
	}
	return ok && utf8.RuneCountInString(port) == 1 && strings.ContainsAny(port, "0123456789¹²³")
}

// The marks separate a key from the hash of what makes an env of its own: the
// requirements beyond it, or a lock.
const (
	extrasMark = "--x-"
	lockMark   = "--l-"
)

// WithExtras returns the key of an env that has more than k; hash is 8 hex
// digits over these requirements. It returns a BadKey if the result would be
// too long.
func (k Key) WithExtras(hash string) (Key, error) { return k.derived(extrasMark, hash) }

// WithLock returns the key of an env for k that has exactly the packages of a
// lock; hash is 8 hex digits over these. It returns a BadKey if the result would
// be too long.
func (k Key) WithLock(hash string) (Key, error) { return k.derived(lockMark, hash) }

func (k Key) derived(mark, hash string) (Key, error) {
	if most := maxKey - len(mark) - len(hash); len(k) > most {
		return "", fault.New(fault.BadKey, "env key %q has %d characters, and with packages beyond it can have %d", k, len(k), most).
			Fix("use a shorter key, or do without --with, with = […] and the script's dependencies")
	}
	return k + Key(mark+hash), nil
}

// Locked returns the key without the hash of a lock; ok is false for a key that is
// not one of WithLock.
func (k Key) Locked() (base Key, ok bool) {
	base, _, ok = k.Extras()
	return base, ok && strings.HasPrefix(string(k[len(base):]), lockMark)
}

// Extras splits a key of WithExtras or WithLock; ok is false for any other.
func (k Key) Extras() (base Key, hash string, ok bool) {
	cut := len(k) - len(extrasMark) - 8
	if cut < 1 || !hex8(string(k[cut+len(extrasMark):])) || keyProblem(string(k[:cut])) != "" {
		return k, "", false
	}
	if mark := k[cut : cut+len(extrasMark)]; mark != extrasMark && mark != lockMark {
		return k, "", false
	}
	return k[:cut], string(k[cut+len(extrasMark):]), true
}
