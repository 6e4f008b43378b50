package execx

import (
	"slices"
	"strings"
)

// Environ is a process environment: KEY=VALUE, each key once. Keys are
// case-sensitive on POSIX and case-insensitive on Windows. Its methods return
// copies; an Environ is never changed.
//
// A duplicate key would be ambiguous: execve passes every entry, python uses
// the first of two, and os/exec would use the last.
type Environ []string

// Var is one variable: its name and its value.
type Var struct{ Key, Value string }

// NewEnviron converts os.Environ(). Of repeated keys it keeps the first, as
// getenv does. It keeps entries without a key ("=C:=C:\", "junk").
func NewEnviron(list []string) Environ {
	seen := make(map[string]bool, len(list))
	out := make(Environ, 0, len(list))
	for _, entry := range list {
		key, _, ok := cutEntry(entry)
		if ok {
			if key = fold(key); seen[key] {
				continue
			}
			seen[key] = true
		}
		out = append(out, entry)
	}
	return out
}

// cutEntry splits KEY=VALUE; ok is false for entries without a key.
func cutEntry(entry string) (key, value string, ok bool) {
	i := strings.IndexByte(entry, '=')
	if i <= 0 {
		return "", "", false
	}
	return entry[:i], entry[i+1:], true
}

// Get returns the value of key, or "" if it is not set.
func (e Environ) Get(key string) string {
	v, _ := e.Lookup(key)
	return v
}

// Lookup returns the value of key, and whether it is set.
func (e Environ) Lookup(key string) (string, bool) {
	for _, entry := range e {
		if k, v, ok := cutEntry(entry); ok && sameKey(k, key) {
			return v, true
		}
	}
	return "", false
}

// With sets key, replacing its value.
func (e Environ) With(key, value string) Environ { return e.Edit([]Var{{key, value}}) }

// Without removes keys.
func (e Environ) Without(keys ...string) Environ { return e.Edit(nil, keys...) }

// Edit removes keys and sets variables in one copy. If a key is set twice, the
// last value counts.
func (e Environ) Edit(set []Var, remove ...string) Environ {
	out := make(Environ, 0, len(e)+len(set))
	for _, entry := range e {
		k, _, ok := cutEntry(entry)
		if ok && (slices.ContainsFunc(remove, func(r string) bool { return sameKey(k, r) }) ||
			slices.ContainsFunc(set, func(v Var) bool { return sameKey(k, v.Key) })) {
			continue
		}
		out = append(out, entry)
	}
	for i, v := range set {
		later := slices.ContainsFunc(set[i+1:], func(w Var) bool { return sameKey(w.Key, v.Key) })
		if !later {
			out = append(out, v.Key+"="+v.Value)
		}
	}
	return out
}
