//go:build !linux && !windows

package store

import "github.com/modelrun/modelrun/resolve/envdir"

// Users cannot be told without /proc: the lease alone decides here.
func (s *Store) Users(envdir.Dir) []Process { return nil }

// UsersOf is Users of each of several envs.
func (s *Store) UsersOf(dirs ...envdir.Dir) [][]Process {
	out := make([][]Process, len(dirs))
	for i, d := range dirs {
		out[i] = s.Users(d)
	}
	return out
}
