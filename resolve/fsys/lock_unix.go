//go:build !windows

package fsys

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// LockFile takes a shared or exclusive flock without waiting. It returns ErrHeld
// where another holder has it.
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

// Touch sets the times of a file to now. Unlike any other time, the current one
// may be set by everyone who may write the file: another member of a team.
func Touch(path string) error { return unix.Utimes(path, nil) }
