package fsys

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// RenameNew renames a folder to a free name. It returns fs.ErrExist if the name is
// taken.
func RenameNew(from, to string) error { return renameChecked(from, to) }

// Exchange swaps two folders in one step. It returns errors.ErrUnsupported if the
// file system cannot do that.
func Exchange(a, b string) error {
	err := unix.RenamexNp(a, b, unix.RENAME_SWAP)
	if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EINVAL) {
		return errors.ErrUnsupported
	}
	return err
}

// SyncTree flushes everything to the disk. sync(2) only requests this. F_FULLFSYNC
// on the folder waits until the drive's own cache is empty. SyncTree returns false
// if the system cannot promise that.
func SyncTree(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	_ = unix.Sync() // it cannot fail on macOS
	_, err = unix.FcntlInt(f.Fd(), unix.F_FULLFSYNC, 0)
	return err == nil, nil //nolint:nilerr // a network drive cannot do this: then the data is not durable
}
