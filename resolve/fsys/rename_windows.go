package fsys

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// RenameNew renames a folder to a free name. It returns fs.ErrExist if the name is
// taken.
func RenameNew(from, to string) error { return renameChecked(from, to) }

// Exchange returns errors.ErrUnsupported: Windows cannot do this.
func Exchange(_, _ string) error { return errors.ErrUnsupported }

// SyncTree flushes every file below path to the disk, because only an administrator
// can flush a whole volume. It returns false if a file could not be flushed.
func SyncTree(path string) (bool, error) {
	durable := true
	err := filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		f, err := os.OpenFile(p, os.O_RDWR, 0)
		if err != nil {
			durable = false // read-only or held: a power cut may lose it
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
