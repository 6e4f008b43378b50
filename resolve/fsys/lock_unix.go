//go:build !windows

package fsys

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// LockFile takes a shared or exclusive flock without waiting. It returns ErrHeld if
// another holder has it.
func LockFile(f *os.File, exclusive bool) error {
	how := unix.LOCK_SH
	if exclusive {
		how = unix.LOCK_EX
	}
	for {
		err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB) //nolint:gosec // a descriptor
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EWOULDBLOCK):
			return ErrHeld
		}
		return err
	}
}

// Touch sets the times of a file to now. Every user who may write the file may set
// the current time, such as another member of a team. No other time can be set that
// way.
func Touch(path string) error { return unix.Utimes(path, nil) }
