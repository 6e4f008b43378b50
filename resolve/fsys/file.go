// Package fsys does the file work that modelrun's folders need: atomic writes,
// bounded reads, renames, file locks, and checks of owners and rights.
//
// Small files for each platform hide the differences. This package does not know
// what a file means.
package fsys

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
)

// WriteFile replaces path as a whole: readers see the old content or the new,
// never a part. Mode and group follow the folder, so that a team's files stay
// the team's. The data is not flushed to the disk: see [WriteDurable].
func WriteFile(path string, data []byte) error { return writeFile(path, data, false) }

// WriteDurable does the same as [WriteFile], but flushes the data to the disk
// before the rename. To make the rename durable too, call [SyncDir].
func WriteDurable(path string, data []byte) error { return writeFile(path, data, true) }

func writeFile(path string, data []byte, flush bool) (err error) {
	dir := filepath.Dir(path)
	if err := MkdirLike(dir); err != nil {
		return err
	}
	tmp := Temp(path)
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
	ShareLike(tmp, dir)
	return Rename(tmp, path)
}

// ReadFile reads a file of at most limit bytes. A larger file is an error, so
// that a state file of 50 MB costs nothing.
//
// The error is [ErrTooLarge] for a larger file, and [ErrNotRegular] for anything
// that is not a regular file: a pipe in a root must not hang every launch.
func ReadFile(path string, limit int64) ([]byte, error) {
	if info, err := os.Stat(path); err == nil { // opening a device may already have an effect
		switch {
		case !info.Mode().IsRegular():
			return nil, fmt.Errorf("%s is no regular file: %w", path, ErrNotRegular)
		case info.Size() > limit:
			return nil, fmt.Errorf("%s is larger than %d bytes: %w", path, limit, ErrTooLarge)
		}
	}
	f, err := OpenRegular(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes: %w", path, limit, ErrTooLarge)
	}
	return data, err
}

// ErrNotRegular is the error for a file that modelrun cannot have written: it is
// not a regular file, or it is too large.
var ErrNotRegular = errors.New("not a file that modelrun wrote")

// ErrTooLarge is the error for a file that is larger than the limit. It wraps
// [ErrNotRegular].
var ErrTooLarge = fmt.Errorf("%w", ErrNotRegular)

// OpenRegular opens a regular file without ever blocking.
func OpenRegular(path string, flag int) (*os.File, error) {
	f, err := openFile(path, flag|syscall.O_NONBLOCK)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		_ = f.Close()
		return nil, cmp.Or(err, fmt.Errorf("%s is no regular file: %w", path, ErrNotRegular))
	}
	return f, nil
}

// renameChecked renames a folder to a free name, on systems without a system call
// for this. A rename cannot replace a folder that is not empty, so the check only
// provides the right error.
func renameChecked(from, to string) error {
	if Exists(to) {
		return fs.ErrExist
	}
	return Rename(from, to)
}

// Temp returns a temporary name beside path. envdir.ParseTemp recognizes it.
func Temp(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"-"+RandomHex(8))
}

// RandomHex returns random hex digits. digits must be even.
func RandomHex(digits int) string {
	b := make([]byte, digits/2)
	_, _ = rand.Read(b) // never fails: see crypto/rand
	return hex.EncodeToString(b)
}
