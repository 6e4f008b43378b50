//go:build !windows

package execx

// Name is dir: execve knows no limit of its own.
func (Dirs) Name(dir string) (string, error) { return dir, nil }

// Leave does nothing: every child can inherit our working directory.
func (Dirs) Leave() error { return nil }

// List is empty: there are no junctions.
func (Dirs) List() ([]Link, error) { return nil, nil }

// Remove does nothing: there are no junctions.
func (Dirs) Remove(Link) error { return nil }

// Plain is path: no name has a second form here.
func Plain(path string) string { return path }
