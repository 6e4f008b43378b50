package execx

import "strings"

// fold returns the form of a key that is compared.
func fold(key string) string { return strings.ToUpper(key) }

// sameKey reports whether two keys are equal on this system.
func sameKey(a, b string) bool { return strings.EqualFold(a, b) }
