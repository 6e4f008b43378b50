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

// crossesDevices is what rename says between file systems, and on overlayfs
// for a folder of a lower layer.
func crossesDevices(err error) bool { return errors.Is(err, syscall.EXDEV) }
