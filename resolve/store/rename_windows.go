package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// renameNew renames a folder where nothing is yet; fs.ErrExist when something is.
func renameNew(from, to string) error { return renameChecked(from, to) }

// exchange is not to be had on Windows.
func exchange(_, _ string) error { return errors.ErrUnsupported }

// syncTree flushes every file: Windows flushes no whole volume without an
// administrator.
func syncTree(path string) (bool, error) {
	durable := true
	err := filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		f, err := os.OpenFile(p, os.O_RDWR, 0)
		if err != nil {
			durable = false // read-only or held: it may be lost in a power cut
			return nil
		}
		defer f.Close()
		if f.Sync() != nil {
			durable = false
		}
		return nil
	})
	return durable, err
}
