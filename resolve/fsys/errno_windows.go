package fsys

import (
	"errors"

	"golang.org/x/sys/windows"
)

// NoLocks reports whether err says that the file system has no locks, as opposed
// to a lock that is held.
func NoLocks(err error) bool {
	return errors.Is(err, windows.ERROR_NOT_SUPPORTED) || errors.Is(err, windows.ERROR_INVALID_FUNCTION)
}

// NoSpace reports whether err says that the disk is full.
func NoSpace(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

// Immovable reports whether err, the error of a rename, says that a folder cannot
// be moved: to another volume, or because a program has a file in it open.
func Immovable(err error) bool {
	return errors.Is(err, windows.ERROR_NOT_SAME_DEVICE) ||
		errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_SHARING_VIOLATION)
}
