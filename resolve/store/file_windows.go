package store

import (
	"errors"
	"math/rand/v2"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// patiently tries again while an antivirus, an indexer or a process of ours
// holds a file: 10 ms, doubling up to longest, each less or more by chance, so
// that two do not meet again. https://github.com/golang/go/issues/36568
//
// Access denied is one of those errors, as Windows says it of a file that is
// being deleted. What is denied for good costs twice longest.
func patiently(longest time.Duration, do func() error) error {
	for pause := 10 * time.Millisecond; ; pause *= 2 {
		err := do()
		if pause > longest || !passing(err) {
			return err
		}
		time.Sleep(pause/2 + rand.N(pause)) //nolint:gosec // a pause, no secret
	}
}

func passing(err error) bool {
	for _, e := range []error{windows.ERROR_ACCESS_DENIED, windows.ERROR_SHARING_VIOLATION, windows.ERROR_DIR_NOT_EMPTY} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// rename waits for others up to about 2.5 s. Two that replace one file at once
// can be told that the source is not there though it is.
func rename(from, to string) error {
	return patiently(1500*time.Millisecond, func() error {
		err := os.Rename(from, to)
		if errors.Is(err, windows.ERROR_FILE_NOT_FOUND) && exists(from) {
			return windows.ERROR_SHARING_VIOLATION
		}
		return err
	})
}

// removeAll removes a tree, also with read-only files in it, and waits for
// others up to about 2.5 s. A junction goes, what it leads to stays.
func removeAll(path string) error {
	return patiently(1500*time.Millisecond, func() error { return os.RemoveAll(path) })
}

// openFile waits for others up to about 0.3 s: a file that is being replaced
// cannot be opened for a moment.
func openFile(path string, flag int) (f *os.File, err error) {
	err = patiently(160*time.Millisecond, func() error {
		f, err = os.OpenFile(path, flag, 0)
		return err
	})
	return f, err
}

// noFollow is nothing here: to make a symbolic link takes a privilege.
const noFollow = 0

// foreign is never true here: see noFollow.
func foreign(os.FileInfo) bool { return false }

// shareLike does nothing: access lists are inherited from the folder.
func shareLike(string, string) {}

// syncDir does nothing: NTFS keeps renames in its journal.
func syncDir(string) error { return nil }
