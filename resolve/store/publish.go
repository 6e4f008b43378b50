package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/modelrun/modelrun/resolve/envdir"
)

// Published says where a new env lies now.
type Published struct {
	Dir       envdir.Dir
	Retired   string // where the env that it replaced is kept; "" none
	Postponed string // why it waits in .next; "" it does not
	Existing  bool   // another creator was first: Dir is its env, ours is gone
}

// Publish makes the staged env visible with one rename. An env that is there is
// exchanged and kept in .old; where it is in use or cannot be moved, the new one
// waits in .next. The old one is never gone before the new one is there.
//
// A sealed env that was not there when the stage was made is another creator's,
// which happens where locks do not work: it is used, and ours is thrown away.
func (st *Stage) Publish() (Published, error) {
	s, target := st.store, st.store.Root.Shared(st.key)
	s.at("publish")
	p := Published{Dir: target}
	err := renameNew(st.Dir.Path, target.Path)
	switch {
	case err == nil:
	case !errors.Is(err, fs.ErrExist):
		return p, fmt.Errorf("publishing %s: %w", target.Path, err)
	case st.beaten(target):
		p.Existing = true
		return p, st.Discard()
	default:
		if p, err = s.replace(st.key, st.Dir.Path); err != nil {
			return p, err
		}
	}
	st.done = true
	s.at("published")
	_ = s.syncParents() // it is published: a flush that fails undoes nothing
	return p, nil
}

// beaten reports whether a whole env appeared while ours was built.
func (st *Stage) beaten(target envdir.Dir) bool {
	now, err := os.Lstat(target.Path)
	if err != nil || st.was != nil && os.SameFile(st.was, now) {
		return false
	}
	_, err = os.Lstat(target.Ready())
	return err == nil
}

// syncParents makes the renames of a publish durable.
func (s *Store) syncParents() error {
	return errors.Join(syncDir(s.Root.Envs()), syncDir(s.Root.Tmp()))
}

// replace puts what lies at path where the published env of the key is, if
// nobody runs there.
func (s *Store) replace(k envdir.Key, path string) (Published, error) {
	lease, err := s.Exclusive(s.Root.Shared(k))
	var busy *InUse
	if errors.As(err, &busy) {
		return s.postpone(k, path, busy.Error())
	}
	if err != nil {
		return Published{}, err
	}
	defer lease.Release()
	return s.moveIn(k, path)
}

// moveIn exchanges what lies at path, a staging folder, with the published env.
// The caller holds the env for itself.
func (s *Store) moveIn(k envdir.Key, path string) (Published, error) {
	target := s.Root.Shared(k)
	old, err := s.retiredPath(k)
	if err != nil {
		return Published{}, err
	}
	err = s.exchange(path, target.Path)
	if err == nil {
		s.at("exchanged")
		// path holds the old env now. A crash here leaves it in staging, where
		// the next creation finds and removes it: the new one is published. So
		// does an error here, which must not make a failure of the publish.
		if rename(path, old) != nil {
			old = ""
		}
		return Published{Dir: target, Retired: old}, nil
	}
	if errors.Is(err, errors.ErrUnsupported) {
		if err = s.twoSteps(k, path, old); err == nil {
			return Published{Dir: target, Retired: old}, nil
		}
	}
	if immovable(err) && isDir(path) {
		return s.postpone(k, path, fmt.Sprintf("%s cannot be moved: %v", target.Path, err))
	}
	return Published{}, fmt.Errorf("publishing %s: %w", target.Path, err)
}

func (s *Store) exchange(a, b string) error {
	if s.swap != nil {
		return s.swap(a, b)
	}
	return exchange(a, b)
}

// retiredPath is a free place in .old.
func (s *Store) retiredPath(k envdir.Key) (string, error) {
	old := s.Root.Retired(string(k), suffix())
	return old, mkdirLike(filepath.Dir(old))
}

// journal says what a publish in two renames was about to do.
type journal struct {
	Schema int    `json:"schema"`
	New    string `json:"new"` // paths below .envs
	Old    string `json:"old"`
}

// twoSteps is for systems that cannot exchange two folders. Between its two
// renames there is no env: the journal lets the next creation finish or undo.
func (s *Store) twoSteps(k envdir.Key, path, old string) error {
	rel := func(p string) string { return filepath.ToSlash(s.below(p)) }
	data, err := json.Marshal(journal{1, rel(path), rel(old)})
	if err != nil {
		return err
	}
	if err := writeFile(s.Root.Journal(k), data, true); err != nil {
		return err
	}
	if err := syncDir(s.Root.Locks()); err != nil {
		return err
	}
	target := s.Root.Shared(k).Path
	s.at("journal")
	if err := rename(target, old); err != nil {
		return errors.Join(err, removeAll(s.Root.Journal(k)))
	}
	s.at("moved-old")
	if err := rename(path, target); err != nil {
		return errors.Join(err, rename(old, target), removeAll(s.Root.Journal(k)))
	}
	s.at("moved-new")
	return removeAll(s.Root.Journal(k))
}

// postpone lets the new env wait in .next, from where it is used at once. An
// older one that was never promoted is kept in .old: programs may run in it.
func (s *Store) postpone(k envdir.Key, path, why string) (Published, error) {
	p := Published{Dir: s.Root.Next(k), Postponed: why}
	if err := mkdirLike(filepath.Dir(p.Dir.Path)); err != nil {
		return Published{}, err
	}
	s.at("postpone")
	if isDir(p.Dir.Path) {
		old, err := s.retiredPath(k)
		if err != nil {
			return Published{}, err
		}
		p.Retired = old
		// No exchange: a crash after one would leave in staging, where it is swept,
		// what programs may run in. Here it costs the new one.
		if err := rename(p.Dir.Path, old); err != nil {
			return Published{}, err
		}
		s.at("retired")
	}
	if err := rename(path, p.Dir.Path); err != nil {
		return Published{}, err
	}
	return p, syncDir(filepath.Dir(p.Dir.Path))
}

// Promote moves what waits in .next to its place, if nobody runs in either. It
// reports whether it did. The caller holds the lock of the key.
func (s *Store) Promote(l *Lock) (bool, error) {
	next, target := s.Root.Next(l.key), s.Root.Shared(l.key)
	if !isDir(next.Path) {
		return false, nil
	}
	lease, err := s.Exclusive(next) // the same lease as the published one's
	if err != nil || len(s.Users(target)) > 0 {
		lease.Release()
		return false, nil //nolint:nilerr // in use: later
	}
	defer lease.Release()
	// By way of staging: .next is used first, so a crash after the exchange must
	// not leave the old env there. A crash before it costs the work, no more.
	path := s.Root.Staging(l.key, suffix()).Path
	if err := mkdirLike(filepath.Dir(path)); err != nil {
		return false, err
	}
	if err := rename(next.Path, path); immovable(err) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	s.at("promote")
	p := Published{Dir: target}
	err = renameNew(path, target.Path)
	if errors.Is(err, fs.ErrExist) {
		p, err = s.moveIn(l.key, path)
	}
	if err != nil {
		if isDir(path) {
			err = errors.Join(err, rename(path, next.Path))
		}
		return false, err
	}
	return p.Postponed == "", s.syncParents()
}
