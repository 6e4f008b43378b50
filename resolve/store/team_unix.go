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

// teamFolder is a folder that a group shares; not ok, it is another or cannot be
// looked at.
func teamFolder(dir string) (info fs.FileInfo, ok bool) {
	info, err := os.Stat(dir)
	return info, err == nil && teams(info)
}

// mkdirIn makes a folder. A team finds it in its place with the group's rights,
// never before it has them, and never without them because its maker died: it
// is made under another name.
func mkdirIn(parent, dir string) error {
	if _, ok := teamFolder(parent); !ok {
		return os.Mkdir(dir, 0o755)
	}
	tmp := temp(dir)
	if err := os.Mkdir(tmp, 0o755); err != nil {
		return err
	}
	shareLike(tmp, parent)
	err := renameNew(tmp, dir)
	if err != nil {
		_ = os.Remove(tmp) // the first error is the one to report
	}
	return err
}

// newLock makes a lock file for a team as mkdirIn makes a folder; a link,
// because nothing may take the place of a file that somebody locked. Where
// there are no links, and where no team shares dir, it is the first who locks
// that makes the file.
func newLock(dir, path string) {
	if _, ok := teamFolder(dir); !ok || exists(path) {
		return
	}
	tmp := temp(path)
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return
	}
	_ = f.Close()
	shareLike(tmp, dir)
	_ = os.Link(tmp, path) // see above
	_ = os.Remove(tmp)
}
