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
// where dir has it: a team shares it. What is not allowed is left: it only matters to teams.
func shareLike(path, dir string) {
	info, err := os.Stat(dir)
	if err != nil || !teams(info) {
		return
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		_ = os.Lchown(path, -1, int(st.Gid))
	}
	if mine, err := os.Lstat(path); err == nil {
		mode := mine.Mode().Perm() | 0o060 | mine.Mode().Perm()&0o100>>3
		if mine.IsDir() {
			mode |= os.ModeSetgid // what uv makes in it is the group's, too
		}
		_ = os.Chmod(path, mode)
	}
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
