//go:build !windows

package fsys

import (
	"errors"
	"syscall"
)

// NoLocks reports whether err says that the file system has no locks, as opposed
// to a lock that is held.
func NoLocks(err error) bool {
	for _, e := range []error{syscall.ENOLCK, syscall.ENOSYS, syscall.ENOTSUP, syscall.EBADF} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// NoSpace reports whether err says that the disk or the quota is full.
func NoSpace(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// Immovable reports whether err, the error of a rename, says that a folder cannot
// be moved: between file systems, a folder of a lower layer on overlayfs, a mount
// point, or a folder of another user.
func Immovable(err error) bool {
	for _, e := range []error{syscall.EXDEV, syscall.EBUSY, syscall.EACCES, syscall.EPERM} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
