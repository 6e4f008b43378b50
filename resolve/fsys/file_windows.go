package fsys

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// patiently retries while an antivirus, an indexer or a process of ours holds a
// file. The pause doubles from 10 ms up to longest, with jitter, so that two
// processes do not collide again. https://github.com/golang/go/issues/36568
//
// It retries access denied as well, because Windows returns it for a file that is
// being deleted. A permanent denial costs twice longest.
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

// Rename renames a file or a folder. It waits up to about 2.5 s for others, such
// as an antivirus that scans new files. When two processes replace one file at
// once, Windows may report a missing source that exists.
func Rename(from, to string) error {
	return patiently(1500*time.Millisecond, func() error {
		err := os.Rename(from, to)
		if errors.Is(err, windows.ERROR_FILE_NOT_FOUND) && Exists(from) {
			return windows.ERROR_SHARING_VIOLATION
		}
		return err
	})
}

// RemoveAll removes a tree, read-only files included, and waits up to about
// 2.5 s for others. It removes junctions but not their targets.
func RemoveAll(path string) error {
	return patiently(1500*time.Millisecond, func() error { return os.RemoveAll(path) })
}

// openFile waits up to about 0.3 s for others: while a file is being replaced it
// cannot be opened.
func openFile(path string, flag int) (f *os.File, err error) {
	err = patiently(160*time.Millisecond, func() error {
		f, err = os.OpenFile(path, flag, 0)
		return err
	})
	return f, err
}

// NoFollow does nothing here: creating a symbolic link takes a privilege.
const NoFollow = 0

// foreign is always false here: see NoFollow.
func foreign(os.FileInfo) bool { return false }

// ShareLike does nothing: access lists are inherited from the folder.
func ShareLike(string, string) {}

// TeamFolder is always false here: see ShareLike.
func TeamFolder(string) (info fs.FileInfo, ok bool) { return nil, false }

// SyncDir does nothing: NTFS keeps renames in its journal.
func SyncDir(string) error { return nil }
