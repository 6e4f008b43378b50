//go:build !windows

package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Team lets the group write what is made from now on, where .envs is a group's:
// a cache that only its maker can write is of no use to the next member. back
// gives the umask back; the program gets the caller's.
func (s *Store) Team() (back func()) {
	dir := s.Root.Envs()
	info, err := os.Stat(dir)
	for errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
		info, err = os.Stat(dir)
	}
	if err != nil || !teams(info) {
		return func() {}
	}
	old := syscall.Umask(0o002)
	syscall.Umask(old &^ 0o070)
	return func() { syscall.Umask(old) }
}

// teams reports whether a group shares a folder. One that is sticky is
// everybody's, like /tmp.
func teams(info fs.FileInfo) bool {
	return info.Mode()&0o020 != 0 && info.Mode()&os.ModeSticky == 0
}

// modeIn is the mode that a new file or folder gets in dir, so that it is the
// team's from its first moment: base, and the group's bits where a team shares dir.
func modeIn(dir string, base fs.FileMode) fs.FileMode {
	if info, err := os.Stat(dir); err == nil && teams(info) {
		return base | base&0o700>>3
	}
	return base
}
