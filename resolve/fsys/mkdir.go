package fsys

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// MkdirLike makes a folder and its parents, each with the mode and group of the
// nearest existing parent. This lets a team share .envs by its group.
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

// mkdirIn makes a folder. For a team it first makes the folder under a temporary
// name. So the team never sees the folder without the group's rights, even if the
// maker dies.
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
