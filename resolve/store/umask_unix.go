//go:build !windows

package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// GroupUmask lets the group write the files that this process creates from now on,
// if a team shares .envs. A cache that only its creator can write is useless to the
// next member. restore sets the old umask again, because the program must get its
// caller's umask.
func GroupUmask(root envdir.Root) (restore func()) {
	dir := root.Envs()
	_, err := os.Stat(dir)
	for errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
		_, err = os.Stat(dir)
	}
	if _, ok := fsys.TeamFolder(dir); !ok {
		return func() {}
	}
	old := syscall.Umask(0o002)
	syscall.Umask(old &^ 0o070)
	return func() { syscall.Umask(old) }
}
