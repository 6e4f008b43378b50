//go:build !windows

package execx

// Name returns dir: execve has no limit of its own.
func (Dirs) Name(dir string) (string, error) { return dir, nil }

// Leave does nothing: every child can inherit our working directory.
func (Dirs) Leave() error { return nil }

// List returns nothing: there are no junctions.
func (Dirs) List() ([]Link, error) { return nil, nil }

// Remove does nothing: there are no junctions.
func (Dirs) Remove(Link) error { return nil }

// Plain returns path: there is no second form of a name on this system.
func Plain(path string) string { return path }
