package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// staleAfter is the minimum age at which a process without a working lock treats a
// file as a leftover.
const staleAfter = 24 * time.Hour

// Recover prepares a key for a creation. It finishes or undoes a publish in two
// steps, promotes an env from .next, and removes what dead creators left. That is
// safe because the caller holds the lock of the key, so no other process works on
// it. Leftovers that cannot be moved (a mount point, another user's in a sticky
// folder) do no harm and stay.
func (s *Store) Recover(l *Lock) error {
	if err := s.finish(l.key); err != nil {
		return err
	}
	if _, err := s.Promote(l); err != nil {
		return err
	}
	try := s.Root.Staging(l.key, suffix()).Path // after a kill between the next two, the folder is swept below
	err := fsys.MkdirLike(s.Root.Tmp())
	if err == nil {
		err = os.Mkdir(try, 0o700)
	}
	if err == nil {
		err = os.Remove(try)
	}
	if err != nil {
		return refused(s.Root.Tmp(), err)
	}
	_ = fsys.MkdirLike(s.Root.Cache()) // for a team; if it fails, uv reports it
	entries, err := os.ReadDir(s.Root.Tmp())
	if err != nil {
		return err
	}
	for _, e := range entries {
		k, _, ok := envdir.ParseStaging(e.Name())
		if !ok || k != l.key || l.lockless && !Stale(e) {
			continue
		}
		_ = s.Trash(filepath.Join(s.Root.Tmp(), e.Name())) // leftovers that cannot be moved stay
	}
	s.sweepTemps()
	return nil
}

// sweepTemps removes temporary files of writers that were killed, and empty
// temporary folders of fsys.MkdirLike. It goes by age, because another key's may be
// in use right now.
func (s *Store) sweepTemps() {
	for _, dir := range []string{s.Root.Envs(), s.Root.Locks(), s.Root.Logs(), filepath.Dir(s.Root.Constraints(""))} {
		entries, _ := os.ReadDir(dir) // none: nothing to do
		for _, e := range entries {
			if envdir.ParseTemp(e.Name()) && (e.Type().IsRegular() || e.IsDir()) && Stale(e) {
				_ = os.Remove(filepath.Join(dir, e.Name())) // the next creation tries again
			}
		}
	}
}

// Stale reports whether a leftover is old enough to be removed without a working
// lock.
func Stale(e fs.DirEntry) bool {
	info, err := e.Info()
	return err == nil && time.Since(info.ModTime()) > staleAfter
}

// finish completes a publish in two steps that was interrupted: forward if the new
// env is complete, otherwise back.
func (s *Store) finish(k envdir.Key) error {
	data, err := fsys.ReadFile(s.Root.Journal(k), maxState)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil && !errors.Is(err, fsys.ErrNotRegular) {
		return err // it may name the only complete env: sweep nothing before reading it
	}
	var j journal
	if err == nil && json.Unmarshal(data, &j) == nil && s.writes(k, j) {
		target := s.Root.Shared(k).Path
		if j.Next {
			target = s.Root.Next(k).Path
		}
		staged, old := filepath.Join(s.Root.Envs(), filepath.FromSlash(j.New)), filepath.Join(s.Root.Envs(), filepath.FromSlash(j.Old))
		_, gone := os.Lstat(target)
		switch {
		case gone == nil: // before the first rename, or after the second
		case fsys.Exists(filepath.Join(staged, filepath.Base(s.Root.Shared(k).Ready()))):
			s.At("finish")
			if err := fsys.Rename(staged, target); err != nil {
				return err
			}
		case fsys.IsDir(old):
			if err := fsys.Rename(old, target); err != nil {
				return err
			}
		}
	}
	return fsys.RemoveAll(s.Root.Journal(k))
}

// writes reports whether twoSteps could have written this journal. So a journal
// that is damaged or written by another user can only move the key's own folders.
func (s *Store) writes(k envdir.Key, j journal) bool {
	staged, _, ok := envdir.ParseStaging(path.Base(j.New))
	fromTmp := ok && staged == k && path.Dir(j.New) == filepath.Base(s.Root.Tmp())
	retired, hex, ok := envdir.ParseStaging(path.Base(j.Old))
	return fromTmp && ok && filepath.FromSlash(j.Old) == s.below(s.Root.Retired(string(retired), hex)) && retired == k
}

// below returns one of our paths relative to .envs.
func (s *Store) below(p string) string {
	rel, _ := filepath.Rel(s.Root.Envs(), p) // both are below the root
	return rel
}

// MoveToTrash moves a folder into the trash with one rename, and returns its new
// path. If the rename is refused, nothing of the folder is deleted.
func (s *Store) MoveToTrash(path string) (string, error) {
	to := s.Root.Trash(suffix())
	if err := fsys.Rename(path, to); err != nil {
		return "", fmt.Errorf("it cannot be moved: %w", err)
	}
	_ = errors.Join(s.syncParents(), fsys.SyncDir(filepath.Dir(path))) // a power cut brings back all of it, or nothing
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
	entries, _ := os.ReadDir(s.Root.Tmp()) // none: nothing to do
	for _, e := range entries {
		if envdir.ParseTrash(e.Name()) {
			s.At("empty-trash")
			_ = fsys.RemoveAll(filepath.Join(s.Root.Tmp(), e.Name())) // the next one tries again
		}
	}
}
