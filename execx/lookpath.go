package execx

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

// IsPath reports whether a command's name says where it lies, so that it is not
// searched for.
func IsPath(name string) bool { return strings.ContainsAny(name, separators) }

// LookPath finds a command in dirs, in order: absolute folders only, never the
// current directory; on Windows with PATHEXT. A name with a separator must be
// absolute and is not searched for: a relative one is the caller's to join with
// the program's working directory, which is not ours.
//
// Nothing found is an error that is fs.ErrNotExist (exit 127 in a shell); found
// but not executable is fs.ErrPermission (126).
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
