//go:build !windows

package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

func rename(from, to string) error { return os.Rename(from, to) }

// noFollow makes an open fail for a symbolic link. Where others can write the
// folder too, one may lead to any file of ours.
const noFollow = syscall.O_NOFOLLOW

// foreign reports whether a file belongs neither to us nor to root.
func foreign(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Uid != 0 && int(st.Uid) != os.Geteuid()
}

func openFile(path string, flag int) (*os.File, error) { return os.OpenFile(path, flag, 0) }

// removeAll removes a tree, also one with read-only folders. It does not
// follow symbolic links.
func removeAll(path string) error {
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

// shareLike gives path the group of dir, and the group's write permission
// where dir has it: a team shares it. What is not allowed is left: it only
// matters to teams.
//
// A teammate may put a link to a file of ours where path was a moment ago: what
// is changed is what was opened, and that is no link of either kind.
func shareLike(path, dir string) {
	info, ok := teamFolder(dir)
	if !ok {
		return
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|noFollow, 0)
	if err != nil {
		return
	}
	defer f.Close()
	mine, err := f.Stat()
	if err != nil {
		return
	}
	if _, links := identify(path, mine); links > 1 && !mine.IsDir() {
		return
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		_ = f.Chown(-1, int(st.Gid))
	}
	mode := mine.Mode().Perm() | 0o060 | mine.Mode().Perm()&0o100>>3
	if mine.IsDir() {
		mode |= os.ModeSetgid // what uv makes in it is the group's, too
	}
	_ = f.Chmod(mode)
}

// syncDir makes renames in dir durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) || errors.Is(err, syscall.EBADF) {
		return nil // this file system flushes no folders
	}
	return err
}
