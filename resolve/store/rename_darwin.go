package store

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// renameNew renames a folder where nothing is yet; fs.ErrExist when something is.
func renameNew(from, to string) error { return renameChecked(from, to) }

// exchange swaps two folders in one step; errors.ErrUnsupported where the file
// system cannot.
func exchange(a, b string) error {
	err := unix.RenamexNp(a, b, unix.RENAME_SWAP)
	if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EINVAL) {
		return errors.ErrUnsupported
	}
	return err
}

// syncTree flushes everything: sync only asks, F_FULLFSYNC on the folder waits
// until the drive's own cache is empty.
func syncTree(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	_ = unix.Sync() // it cannot fail on macOS
	_, err = unix.FcntlInt(f.Fd(), unix.F_FULLFSYNC, 0)
	return err == nil, nil //nolint:nilerr // a network drive cannot: then it is not durable
}
