//go:build !windows

package execx

// fold returns the form of a key that is compared.
func fold(key string) string { return key }

// sameKey reports whether two keys are equal on this system.
func sameKey(a, b string) bool { return a == b }
