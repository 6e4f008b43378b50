package store

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/modelrun/modelrun/resolve/fault"
)

// maxState is far above any JSON of ours; a file above it is not one.
const maxState = 1 << 20

// WriteFile replaces path as a whole: readers see the old content or the new,
// never a part. Mode and group follow the folder, so that a team's files stay
// the team's. It does not flush to the disk: see [Store] for what must.
func WriteFile(path string, data []byte) error { return writeFile(path, data, false) }

func writeFile(path string, data []byte, flush bool) (err error) {
	dir := filepath.Dir(path)
	if err := mkdirLike(dir); err != nil {
		return err
	}
	tmp := temp(path)
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp) // the first error is the one to report
		}
	}()
	_, err = f.Write(data)
	if err == nil && flush {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	shareLike(tmp, dir)
	return rename(tmp, path)
}

// ReadFile reads a file of at most limit bytes; a larger one is an error, so
// that a state file of 50 MB costs nothing.
//
// What is no regular file is an error that is errOdd, as is a larger one: a
// pipe in a root must not hang every launch.
func ReadFile(path string, limit int64) ([]byte, error) {
	f, err := openRegular(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes: %w", path, limit, errOdd)
	}
	return data, err
}

// errOdd is a file of ours that cannot be one of ours.
var errOdd = errors.New("not a file that modelrun wrote")

// openRegular opens a regular file and waits for nobody.
func openRegular(path string, flag int) (*os.File, error) {
	f, err := openFile(path, flag|syscall.O_NONBLOCK)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		_ = f.Close()
		return nil, cmp.Or(err, fmt.Errorf("%s is no regular file: %w", path, errOdd))
	}
	return f, nil
}

// Rename renames a file or a folder; on Windows it waits for an antivirus that
// looks at what is new.
func Rename(from, to string) error { return rename(from, to) }

// renameChecked renames a folder where nothing is yet, for systems that cannot
// be asked for that: a folder that is not empty cannot be replaced by a rename,
// so the check is only for the error.
func renameChecked(from, to string) error {
	if _, err := os.Lstat(to); err == nil {
		return fs.ErrExist
	}
	return rename(from, to)
}

// FreeBytes is what we may still write on the file system of path, or of its
// nearest parent that exists.
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

// RandomHex returns so many random hex digits, an even number.
func RandomHex(digits int) string {
	b := make([]byte, digits/2)
	_, _ = rand.Read(b) // never fails: see crypto/rand
	return hex.EncodeToString(b)
}

// suffix makes a name that is not taken: 8 random hex digits.
func suffix() string { return RandomHex(8) }

// OwnLink is an error where path is a symbolic link that another user made, root
// apart: what is written through it lands where that user wants.
func OwnLink(path string) error {
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&fs.ModeSymlink == 0 || !foreign(info) {
		return nil //nolint:nilerr // what cannot be looked at is the caller's to find out
	}
	return fault.New(fault.Untrusted, "%s is a symbolic link that another user made", path).
		Fix("see where it leads (ls -l %s) and remove it, or name another place", fault.Quote(path))
}

// noLink says of the error of an open with noFollow what it means.
func noLink(path string, err error) error {
	if !errors.Is(err, syscall.ELOOP) {
		return err
	}
	return fault.New(fault.Untrusted, "%s is a symbolic link, which modelrun never makes there", path).
		Fix("find out who made it, then: rm %s", fault.Quote(path))
}

// MkdirLike makes a folder and its parents as those of the store are made.
func MkdirLike(dir string) error { return mkdirLike(dir) }

// mkdirLike makes a folder and its parents, each with the mode and group of
// the nearest one that was there: a team shares .envs by its group.
func mkdirLike(dir string) error {
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
	if err := mkdirLike(parent); err != nil {
		return err
	}
	if err := mkdirIn(parent, dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// temp is a name beside path for what is not whole yet; sweepTemps knows it.
func temp(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"-"+suffix())
}
