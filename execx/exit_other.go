//go:build !linux

package execx

// awaitExit cannot wait for a child without reaping it here.
func awaitExit(int) bool { return false }
