package execx

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

// IsPath reports whether a command's name contains a folder, so that it is not
// searched for.
func IsPath(name string) bool { return strings.ContainsAny(name, separators) }

// LookPath finds a command in dirs, in order. It only searches absolute
// folders, never the current directory; on Windows it uses PATHEXT. A name with
// a separator must be absolute and is not searched for. The caller joins a
// relative one with the program's working directory, which is not ours.
//
// If nothing is found, the error is fs.ErrNotExist (exit 127 in a shell). If
// the command is found but not executable, it is fs.ErrPermission (126).
func LookPath(name string, dirs []string, env Environ) (string, error) {
	if IsPath(name) {
		if !filepath.IsAbs(name) {
			return "", fmt.Errorf("%s is no absolute path: %w", name, fs.ErrNotExist)
		}
		return executable(name, env)
	}
	if name == "" {
		return "", fmt.Errorf("a command without a name: %w", fs.ErrNotExist)
	}
	denied := error(nil)
	for _, dir := range dirs {
		if !filepath.IsAbs(dir) {
			continue
		}
		path, err := executable(filepath.Join(dir, name), env)
		if err == nil {
			return path, nil
		}
		if denied == nil && errors.Is(err, fs.ErrPermission) {
			denied = err
		}
	}
	if denied != nil {
		return "", denied
	}
	return "", fmt.Errorf("%s: %w", name, fs.ErrNotExist)
}
