package fsys

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// RenameNew renames a folder to a free name. It returns fs.ErrExist if the name is
// taken.
func RenameNew(from, to string) error { return renameAt(from, to, unix.RENAME_NOREPLACE) }

// Exchange swaps two folders in one step. It returns errors.ErrUnsupported if the
// file system cannot do that.
func Exchange(a, b string) error { return renameAt(a, b, unix.RENAME_EXCHANGE) }

func renameAt(from, to string, flags uint) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, flags)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS):
		if flags == unix.RENAME_EXCHANGE {
			return errors.ErrUnsupported
		}
		return renameChecked(from, to)
	}
	return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
}

// SyncTree flushes the file system of path to the disk, including uv's cache. It
// returns false if the file system cannot promise that.
func SyncTree(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	err = unix.Syncfs(int(f.Fd())) //nolint:gosec // a descriptor
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
		return false, nil // this file system cannot promise it
	}
	if err != nil {
		return false, &fs.PathError{Op: "syncfs", Path: path, Err: err}
	}
	return true, nil
}
