package store

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// rename tries again while an antivirus or an indexer holds the file: 10 ms,
// doubling, about 2.5 s in all. https://github.com/golang/go/issues/36568
func rename(from, to string) error {
	pause := 10 * time.Millisecond
	for {
		err := os.Rename(from, to)
		if err == nil || pause > 2*time.Second ||
			!errors.Is(err, windows.ERROR_ACCESS_DENIED) && !errors.Is(err, windows.ERROR_SHARING_VIOLATION) {
			return err
		}
		time.Sleep(pause)
		pause *= 2
	}
}

// shareLike does nothing: access lists are inherited from the folder.
func shareLike(string, string) {}

// syncDir does nothing: NTFS keeps renames in its journal.
func syncDir(string) error { return nil }
