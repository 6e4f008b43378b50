package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// EnsureWritable creates one of our folders. It returns an error if the root is
// read-only.
func EnsureWritable(dir string) error {
	err := fsys.MkdirLike(dir)
	if err == nil {
		err = tryWrite(dir)
	}
	if err == nil {
		return nil
	}
	return refused(dir, err)
}

// refused explains why nothing can be created in one of our folders.
func refused(dir string, err error) error {
	if fsys.NoSpace(err) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENOTDIR) {
		return fsys.Fault(fmt.Errorf("%s cannot be written: %w", dir, err))
	}
	return notWritable(dir, err)
}

func notWritable(path string, err error) error {
	return fault.New(fault.NotWritable, "%s cannot be written: %w", path, err).
		Fix("use a root that you can write: modelrun --root DIR …   # or have its owner run the same command")
}

// tryWrite creates and removes a file: permissions alone do not reveal a
// read-only file system.
func tryWrite(dir string) error {
	name := filepath.Join(dir, ".write-"+suffix())
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(name))
}
