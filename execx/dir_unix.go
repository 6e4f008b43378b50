//go:build !windows

package execx

// StartDir is dir: execve knows no limit of its own.
func StartDir(dir string) (string, error) { return dir, nil }
