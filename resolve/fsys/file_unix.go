//go:build !windows

package fsys

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Rename renames a file or a folder.
func Rename(from, to string) error { return os.Rename(from, to) }

// NoFollow makes an open fail for a symbolic link. In a folder that others can
// write too, a link may lead to any of our files.
const NoFollow = syscall.O_NOFOLLOW

// foreign reports whether a file belongs neither to us nor to root.
func foreign(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Uid != 0 && int(st.Uid) != os.Geteuid()
}

func openFile(path string, flag int) (*os.File, error) { return os.OpenFile(path, flag, 0) }

// RemoveAll removes a tree, including read-only folders. It does not follow
// symbolic links.
func RemoveAll(path string) error {
	err := os.RemoveAll(path)
	if err == nil || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	_ = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = os.Chmod(p, 0o700) //nolint:gosec // a folder needs x to be emptied
		}
		return nil
	})
	return os.RemoveAll(path)
}

// ShareLike gives path the group of dir, and the group's write permission, if a
// team shares dir. It ignores errors, because only teams are affected.
//
// A teammate may replace path by a link to one of our files at any moment. So
// ShareLike changes the file that it has opened, after it has checked that the file
// is not a symbolic link and has only one hard link.
func ShareLike(path, dir string) {
	info, ok := TeamFolder(dir)
	if !ok {
		return
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|NoFollow, 0)
	if err != nil {
		return
	}
	defer f.Close()
	mine, err := f.Stat()
	if err != nil {
		return
	}
	if _, links := Identify(path, mine); links > 1 && !mine.IsDir() {
		return
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		_ = f.Chown(-1, int(st.Gid))
	}
	mode := mine.Mode().Perm() | 0o060 | mine.Mode().Perm()&0o100>>3
	if mine.IsDir() {
		mode |= os.ModeSetgid // so that files that uv creates in it belong to the group too
	}
	_ = f.Chmod(mode)
}

// TeamFolder returns information about dir. ok reports whether a group shares dir.
// A sticky folder, like /tmp, belongs to all users and not to a team.
func TeamFolder(dir string) (info fs.FileInfo, ok bool) {
	info, err := os.Stat(dir)
	return info, err == nil && info.Mode()&0o020 != 0 && info.Mode()&os.ModeSticky == 0
}

// SyncDir makes renames in dir durable.
func SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) || errors.Is(err, syscall.EBADF) {
		return nil // this file system cannot flush folders
	}
	return err
}
