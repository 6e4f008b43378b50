//go:build !windows

package store

import (
	"errors"
	"syscall"
)

// noLocks reports that the file system has no locks, as opposed to a lock that
// is held.
func noLocks(err error) bool {
	for _, e := range []error{syscall.ENOLCK, syscall.ENOSYS, syscall.ENOTSUP, syscall.EBADF} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func noSpace(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// immovable is what rename says of a folder that stays where it is: between
// file systems and on overlayfs for a folder of a lower layer, of a mount point,
// and of a folder that belongs to somebody else.
func immovable(err error) bool {
	for _, e := range []error{syscall.EXDEV, syscall.EBUSY, syscall.EACCES, syscall.EPERM} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
