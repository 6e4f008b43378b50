package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/modelrun/modelrun/resolve/fsys"
)

// Locks tests whether locks work in an existing folder. It creates a file for that,
// and removes it again. It returns nil if they work, an error that is [ErrNoLocks]
// if they do not, and any other error if the test failed.
func Locks(dir string) (err error) {
	name := filepath.Join(dir, ".locks-"+suffix())
	first, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, first.Close(), os.Remove(name)) }()
	second, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer second.Close()
	if err := fsys.LockFile(first, true); err != nil {
		return fmt.Errorf("%w: %w", ErrNoLocks, err)
	}
	if err := fsys.LockFile(second, false); !errors.Is(err, fsys.ErrHeld) {
		return fmt.Errorf("%w: two hold one at the same time", ErrNoLocks)
	}
	return nil
}

// ErrNoLocks is the error of a file system on which locks do not work.
var ErrNoLocks = errors.New("locks do not work here")
