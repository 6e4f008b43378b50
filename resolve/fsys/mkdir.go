package fsys

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// MkdirLike makes a folder and its parents, each with the mode and group of
// the nearest parent that exists: a team shares .envs by its group.
func MkdirLike(dir string) error {
	if err := OwnLink(dir); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		return &fs.PathError{Op: "mkdir", Path: dir, Err: syscall.ENOTDIR}
	}
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if parent == dir {
		return &fs.PathError{Op: "mkdir", Path: dir, Err: fs.ErrNotExist}
	}
	if err := MkdirLike(parent); err != nil {
		return err
	}
	if err := mkdirIn(parent, dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// mkdirIn makes a folder. For a team it makes the folder under a temporary name
// first. So the team never sees it without the group's rights, even if its maker
// dies.
func mkdirIn(parent, dir string) error {
	if _, ok := TeamFolder(parent); !ok {
		return os.Mkdir(dir, 0o755)
	}
	tmp := Temp(dir)
	if err := os.Mkdir(tmp, 0o755); err != nil {
		return err
	}
	ShareLike(tmp, parent)
	err := RenameNew(tmp, dir)
	if err != nil {
		_ = os.Remove(tmp) // the first error is the one to report
	}
	return err
}
