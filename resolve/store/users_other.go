//go:build !linux && !windows

package store

import "github.com/modelrun/modelrun/resolve/envdir"

// Users returns nothing: without /proc only the lease tells who runs in an env.
func (s *Store) Users(envdir.Dir) []Process { return nil }

// UsersOf is [Store.Users] for several envs.
func (s *Store) UsersOf(dirs ...envdir.Dir) [][]Process {
	out := make([][]Process, len(dirs))
	for i, d := range dirs {
		out[i] = s.Users(d)
	}
	return out
}
