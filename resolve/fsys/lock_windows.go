package fsys

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// LockFile takes a shared or exclusive lock on the first byte without waiting. It
// returns ErrHeld if another holder has it. Other processes cannot read a locked
// range, so the file stays empty.
func LockFile(f *os.File, exclusive bool) error {
	flags := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if exclusive {
		flags |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return ErrHeld
	}
	return err
}

// Touch sets the times of a file to now.
func Touch(path string) error { return os.Chtimes(path, time.Time{}, time.Now()) }
