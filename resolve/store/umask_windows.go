package store

import "github.com/modelrun/modelrun/resolve/envdir"

// GroupUmask does nothing, because new files inherit the rights of their folder.
func GroupUmask(envdir.Root) (restore func()) { return func() {} }
