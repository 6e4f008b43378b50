package store

// GroupUmask does nothing here: new files inherit the rights of their folder.
func (s *Store) GroupUmask() (restore func()) { return func() {} }
