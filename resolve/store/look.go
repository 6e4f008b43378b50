package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"unicode/utf8"
)

// Locks tries whether locks work below a folder that is there, with a file that
// it removes. nil: they do. An error that is [ErrNoLocks] says that they do not;
// any other that it could not be tried.
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
	if err := lockFile(first, true); err != nil {
		return fmt.Errorf("%w: %w", ErrNoLocks, err)
	}
	if err := lockFile(second, false); !errors.Is(err, errHeld) {
		return fmt.Errorf("%w: two hold one at the same time", ErrNoLocks)
	}
	return nil
}

// ErrNoLocks is a file system on which locks do not work.
var ErrNoLocks = errors.New("locks do not work here")

// CanWrite reports whether we may write in a folder, or in its nearest parent
// that exists, without trying it. On Windows only trying tells: there it is true.
func CanWrite(path string) bool {
	for {
		err := access(path)
		parent := filepath.Dir(path)
		if !errors.Is(err, fs.ErrNotExist) || parent == path {
			return err == nil
		}
		path = parent
	}
}

// Longest is the longest name below path, in characters.
func Longest(path string) (name string, length int) {
	_ = filepath.WalkDir(path, func(p string, _ fs.DirEntry, _ error) error {
		if n := utf8.RuneCountInString(p); n > length {
			name, length = p, n
		}
		return nil // what cannot be read is not counted
	})
	return name, length
}
