package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// MoveToTrash moves a folder into the trash with one rename, and returns its new
// path. If the rename fails, nothing of the folder is deleted.
func (s *Store) MoveToTrash(path string) (string, error) {
	to := s.Root.Trash(suffix())
	if err := fsys.Rename(path, to); err != nil {
		return "", fmt.Errorf("it cannot be moved: %w", err)
	}
	_ = errors.Join(syncParents(s.Root), fsys.SyncDir(filepath.Dir(path))) // a power cut brings back all of it, or nothing
	return to, nil
}

// Trash moves a folder into the trash, or deletes it at once if it cannot be moved.
// [Store.EmptyTrash] deletes the trash.
func (s *Store) Trash(path string) error {
	s.At("trash")
	to := s.Root.Trash(suffix())
	if err := fsys.MkdirLike(filepath.Dir(to)); err != nil {
		return err
	}
	if err := fsys.Rename(path, to); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return fsys.RemoveAll(path)
	}
	return nil
}

// EmptyTrash deletes the trash. No process waits for that. The next EmptyTrash
// deletes what cannot be deleted now.
func (s *Store) EmptyTrash() {
	entries, _ := os.ReadDir(s.Root.Tmp()) // after an error there is nothing to do
	for _, e := range entries {
		if envdir.ParseTrash(e.Name()) {
			s.At("empty-trash")
			_ = fsys.RemoveAll(filepath.Join(s.Root.Tmp(), e.Name())) // the next one tries again
		}
	}
}
