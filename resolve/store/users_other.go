//go:build !linux && !windows

package store

import "github.com/modelrun/modelrun/resolve/envdir"

// Users returns nothing: without /proc only the lease shows that programs run in an
// env.
func Users(envdir.Dir) []Process { return nil }

// UsersOf does the same as [Users] for several envs.
func UsersOf(dirs ...envdir.Dir) [][]Process {
	out := make([][]Process, len(dirs))
	for i, d := range dirs {
		out[i] = Users(d)
	}
	return out
}
