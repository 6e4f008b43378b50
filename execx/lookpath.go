package execx

import "errors"

// LookPath finds a command in the folders of dirs, in order: absolute folders
// only, never the current directory; on Windows with PATHEXT. Nothing found is
// an error that is fs.ErrNotExist; found but not executable is fs.ErrPermission.
func LookPath(name string, dirs []string, env Environ) (string, error) {
	return "", errors.ErrUnsupported
}
