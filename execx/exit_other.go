//go:build !linux

package execx

// awaitExit cannot wait for a child without reaping it on this system.
func awaitExit(int) bool { return false }
