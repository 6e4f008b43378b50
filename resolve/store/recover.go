package store

import (
	"errors"
	"io/fs"
	"os"
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
// safe because the lock of the key is held, so no other process works on it.
// Leftovers that cannot be moved (a mount point, or another user's in a sticky
// folder) do no harm and stay.
func (l *Lock) Recover() error {
	s := l.store
	if err := l.finish(); err != nil {
		return err
	}
	if _, err := l.Promote(); err != nil {
		return err
	}
	try := s.Root.Staging(l.key, suffix()).Path // after a kill between the next two calls, the folder is swept below
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
	sweepTemps(s.Root)
	return nil
}

// Promote moves an env from .next to its place, unless a program runs in either. It
// reports whether it moved the env.
//
// It takes two renames, and at every moment an env can be used. The env in .next is
// used first, so the published one is moved away first. After a crash between the
// renames, the new env still waits in .next.
func (l *Lock) Promote() (bool, error) {
	s := l.store
	next, target := s.Root.Next(l.key), s.Root.Shared(l.key)
	if !fsys.IsDir(next.Path) || !fsys.Exists(next.Ready()) {
		return false, nil // not complete: keep the published one
	}
	for _, d := range []envdir.Dir{next, target} {
		lease, err := s.Exclusive(d)
		if err != nil {
			return false, nil //nolint:nilerr // in use: try later
		}
		defer lease.Release()
	}
	old := ""
	if fsys.Exists(target.Path) {
		var err error
		if old, err = retiredPath(s.Root, l.key); err != nil {
			return false, err
		}
		if err := fsys.Rename(target.Path, old); fsys.Immovable(err) {
			return false, nil
		} else if err != nil {
			return false, err
		}
	}
	s.At("promote")
	err := fsys.RenameNew(next.Path, target.Path)
	switch {
	case err == nil:
		return true, errors.Join(syncParents(s.Root), fsys.SyncDir(filepath.Dir(next.Path)))
	case old != "" && fsys.IsDir(next.Path): // it cannot be moved: continue to use the old one
		_ = fsys.RenameNew(old, target.Path)
	}
	if fsys.Immovable(err) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
		return false, nil // without locks another process was quicker
	}
	return false, err
}

// sweepTemps removes temporary files of writers that were killed, and empty
// temporary folders of fsys.MkdirLike. It decides by age, because another key's
// file may be in use.
func sweepTemps(root envdir.Root) {
	for _, dir := range []string{root.Envs(), root.Locks(), root.Logs(), filepath.Dir(root.Files("").Constraints())} {
		entries, _ := os.ReadDir(dir) // after an error there is nothing to do
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
