package store

import "os"

// Team does nothing: what is made inherits the rights of the folder.
func (s *Store) Team() (back func()) { return func() {} }

func mkdirIn(_, dir string) error { return os.Mkdir(dir, 0o755) }

func newLock(_, _ string) {}
