//go:build !linux && !windows

package store

import "github.com/modelrun/modelrun/resolve/envdir"

// Users cannot be told without /proc: the lease alone decides here.
func (s *Store) Users(envdir.Dir) []Process { return nil }
