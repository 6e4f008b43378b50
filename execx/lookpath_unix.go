//go:build !windows

package execx

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const separators = "/"

// executable returns the file itself if we may execute it.
func executable(path string, _ Environ) (string, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, syscall.ENOTDIR): // Go does not treat it as fs.ErrNotExist
		return "", fmt.Errorf("%w: %w", err, fs.ErrNotExist)
	case err != nil:
		return "", err
	case info.IsDir():
		return "", fmt.Errorf("%s is a folder: %w", path, fs.ErrPermission)
	case unix.Access(path, unix.X_OK) != nil || info.Mode()&0o111 == 0: // access allows root to "execute" anything
		return "", fmt.Errorf("%s is not executable: %w", path, fs.ErrPermission)
	}
	return path, nil
}
