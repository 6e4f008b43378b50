package fsys

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/modelrun/modelrun/resolve/fault"
)

// Exists reports whether something exists at path. A dangling symbolic link counts.
// It also returns false if path cannot be looked up: compare [Missing].
func Exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// Reachable reports whether path leads to something. Unlike [Exists] it follows
// symbolic links.
func Reachable(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Missing reports whether path certainly does not exist. It returns false if path
// cannot be looked up: compare [Exists].
func Missing(path string) bool {
	_, err := os.Lstat(path)
	return IsMissing(err)
}

// IsMissing reports whether err says that a file does not exist. A path below a
// file does not exist either.
func IsMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// IsDir reports whether path is a folder, or a symbolic link to one.
func IsDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// Within reports whether path is dir or below it. It compares the text of the
// paths, not the files.
func Within(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// Absolute returns path as an absolute path. A relative path is relative to dir.
func Absolute(path, dir string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	if path != "" && os.IsPathSeparator(path[0]) { // on Windows: the drive is missing
		dir = filepath.VolumeName(dir)
	}
	return filepath.Join(dir, path)
}

// EachFile calls do for each regular file below path until do returns false. It
// skips files that cannot be read, and follows no symbolic links.
func EachFile(path string, do func(path string, info fs.FileInfo) bool) {
	_ = filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil //nolint:nilerr // skip files that cannot be read
		}
		info, err := e.Info()
		if err == nil && !do(p, info) {
			return fs.SkipAll
		}
		return nil
	})
}

// FreeBytes returns how many bytes we may still write on the file system of path,
// or of its nearest existing parent.
func FreeBytes(path string) (uint64, error) {
	for {
		free, err := freeBytes(path)
		parent := filepath.Dir(path)
		if !errors.Is(err, fs.ErrNotExist) || parent == path {
			return free, err
		}
		path = parent
	}
}

// CanWrite reports whether we may write in a folder, or in its nearest existing
// parent, without a trial. On Windows it returns true, because only a trial would
// show that.
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

// LongestName returns the longest path below dir and its length in characters.
func LongestName(dir string) (name string, length int) {
	_ = filepath.WalkDir(dir, func(p string, _ fs.DirEntry, _ error) error {
		if n := utf8.RuneCountInString(p); n > length {
			name, length = p, n
		}
		return nil // entries that cannot be read are not counted
	})
	return name, length
}

// OwnLink returns an error if path is a symbolic link made by another user, except
// root: data written through it would go where that user wants.
func OwnLink(path string) error {
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&fs.ModeSymlink == 0 || !foreign(info) {
		return nil //nolint:nilerr // the caller will get the error
	}
	return fault.New(fault.Untrusted, "%s is a symbolic link that another user made", path).
		Fix("remove it or name another place, after a look at where it leads: ls -l %s", fault.Quote(path))
}

// NoLink explains the error of an open with [NoFollow].
func NoLink(path string, err error) error {
	if !errors.Is(err, syscall.ELOOP) {
		return err
	}
	return fault.New(fault.Untrusted, "%s is a symbolic link, which modelrun never makes there", path).
		Fix("find out who made it, then: rm %s", fault.Quote(path))
}
