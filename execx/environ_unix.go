//go:build !windows

package execx

func fold(key string) string { return key }

func sameKey(a, b string) bool { return a == b }
