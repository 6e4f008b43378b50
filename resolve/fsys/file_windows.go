package fsys

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// patiently retries while an antivirus, an indexer or one of our processes holds a
// file. The pause doubles from 10 ms up to longest. It has jitter, so that two
// processes do not collide again. https://github.com/golang/go/issues/36568
//
// It also retries after "access denied", because Windows returns that for a file
// that is being deleted. A permanent denial costs twice longest.
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

// Rename renames a file or a folder. It waits up to about 2.5 s for other programs,
// such as an antivirus that scans new files. If two processes replace one file at
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

// RemoveAll removes a tree, including read-only files. It waits up to about 2.5 s
// for other programs. It removes junctions but not their targets.
func RemoveAll(path string) error {
	return patiently(1500*time.Millisecond, func() error { return os.RemoveAll(path) })
}

// openFile waits up to about 0.3 s for other programs: a file cannot be opened
// while it is being replaced.
func openFile(path string, flag int) (f *os.File, err error) {
	err = patiently(160*time.Millisecond, func() error {
		f, err = os.OpenFile(path, flag, 0)
		return err
	})
	return f, err
}

// NoFollow has no effect on Windows, where creating a symbolic link needs a
// privilege.
const NoFollow = 0

// foreign returns false: see NoFollow.
func foreign(os.FileInfo) bool { return false }

// ShareLike does nothing, because access lists are inherited from the folder.
func ShareLike(string, string) {}

// TeamFolder returns false: see ShareLike.
func TeamFolder(string) (info fs.FileInfo, ok bool) { return nil, false }

// SyncDir does nothing, because NTFS keeps renames in its journal.
func SyncDir(string) error { return nil }
