package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
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
// Where one waits already the new one takes its place, if nobody runs in it:
// what waits is used first, so beside it a new one would be the older.
//
// A sealed env that was not there when the stage was made is another creator's,
// which happens where locks do not work: it is used, and ours is thrown away.
func (st *Stage) Publish() (Published, error) {
	s, target := st.store, st.store.Root.Shared(st.key)
	s.At("publish")
	p, err := st.place(target)
	for tries := 0; tries < 3 && (errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist)); tries++ {
		// Without locks and without an exchange another creator came between the
		// looks and the renames of ours.
		if st.beaten(target) {
			p, err = Published{Dir: target, Existing: true}, nil
			break
		}
		p, err = st.place(target)
	}
	switch {
	case err != nil:
		return Published{}, err
	case p.Existing:
		return p, st.Discard()
	}
	st.done = true
	s.At("published")
	_ = s.syncParents() // it is published: a flush that fails undoes nothing
	return p, nil
}

// place is one try of Publish.
func (st *Stage) place(target envdir.Dir) (Published, error) {
	if fsys.IsDir(st.store.Root.Next(st.key).Path) {
		return st.store.postpone(st.key, st.Dir.Path, "one that waits there is replaced")
	}
	err := fsys.RenameNew(st.Dir.Path, target.Path)
	switch {
	case err == nil:
		return Published{Dir: target}, nil
	case !errors.Is(err, fs.ErrExist):
		return Published{}, fmt.Errorf("publishing %s: %w", target.Path, err)
	case st.beaten(target):
		return Published{Dir: target, Existing: true}, nil
	}
	return st.store.replace(st.key, st.Dir.Path)
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
	return errors.Join(fsys.SyncDir(s.Root.Envs()), fsys.SyncDir(s.Root.Tmp()))
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
		s.At("exchanged")
		// path holds the old env now. A crash here leaves it in staging, where
		// the next creation finds and removes it: the new one is published. So
		// does an error here, which must not make a failure of the publish.
		if fsys.Rename(path, old) != nil {
			return Published{Dir: target}, nil
		}
		return Published{Dir: target, Retired: old}, nil
	}
	if errors.Is(err, errors.ErrUnsupported) {
		if err = s.twoSteps(k, target, path, old); err == nil {
			return Published{Dir: target, Retired: old}, nil
		}
	}
	if fsys.Immovable(err) && fsys.IsDir(path) {
		return s.postpone(k, path, fmt.Sprintf("%s cannot be moved: %v", target.Path, err))
	}
	return Published{}, fmt.Errorf("publishing %s: %w", target.Path, err)
}

func (s *Store) exchange(a, b string) error {
	if s.swap != nil {
		return s.swap(a, b)
	}
	return fsys.Exchange(a, b)
}

// retiredPath is a free place in .old.
func (s *Store) retiredPath(k envdir.Key) (string, error) {
	old := s.Root.Retired(string(k), suffix())
	return old, fsys.MkdirLike(filepath.Dir(old))
}

// journal says what a publish in two renames was about to do.
type journal struct {
	Schema int    `json:"schema"`
	New    string `json:"new"` // paths below .envs
	Old    string `json:"old"`
	Next   bool   `json:"next,omitempty"` // the place is the one in .next
}

// twoSteps puts what lies at path where d is, and d where old is, without an
// exchange. Between its two renames there is no env: the journal lets the next
// creation finish or undo.
func (s *Store) twoSteps(k envdir.Key, d envdir.Dir, path, old string) error {
	rel := func(p string) string { return filepath.ToSlash(s.below(p)) }
	data, err := json.Marshal(journal{1, rel(path), rel(old), d.Kind == envdir.Next})
	if err != nil {
		return err
	}
	if err := fsys.WriteDurable(s.Root.Journal(k), data); err != nil {
		return err
	}
	if err := fsys.SyncDir(s.Root.Locks()); err != nil {
		return err
	}
	target := d.Path
	s.At("journal")
	if err := fsys.Rename(target, old); err != nil {
		return errors.Join(err, fsys.RemoveAll(s.Root.Journal(k)))
	}
	s.At("moved-old")
	if err := fsys.Rename(path, target); err != nil {
		undone := fsys.Rename(old, target)
		if !fsys.Exists(target) { // the journal stays for the next creation, which tries again to undo it
			return errors.Join(err, undone)
		}
		return errors.Join(err, fsys.RemoveAll(s.Root.Journal(k)))
	}
	s.At("moved-new")
	return fsys.RemoveAll(s.Root.Journal(k))
}

// postpone lets the new env wait in .next, from where it is used at once. An
// older one that was never promoted is kept in .old; while somebody runs in it
// nothing takes its place: a program that imports later would get the other's files.
func (s *Store) postpone(k envdir.Key, path, why string) (Published, error) {
	p := Published{Dir: s.Root.Next(k), Postponed: why}
	if err := fsys.MkdirLike(filepath.Dir(p.Dir.Path)); err != nil {
		return Published{}, err
	}
	lease, err := s.Exclusive(p.Dir)
	if err != nil {
		return Published{}, waitsInUse(err)
	}
	defer lease.Release()
	s.At("postpone")
	if fsys.IsDir(p.Dir.Path) {
		old, err := s.retiredPath(k)
		if err != nil {
			return Published{}, err
		}
		p.Retired = old
		// No exchange: a crash after one would leave in staging, where it is swept,
		// what programs may run in.
		if err := s.twoSteps(k, p.Dir, path, old); err != nil {
			return Published{}, err
		}
	} else if err := fsys.Rename(path, p.Dir.Path); err != nil {
		return Published{}, err
	}
	return p, fsys.SyncDir(filepath.Dir(p.Dir.Path))
}

// waitsInUse says what to do about an env in .next that cannot be replaced.
func waitsInUse(err error) error {
	var busy *InUse
	if !errors.As(err, &busy) {
		return err
	}
	return fault.New(fault.InUse, "%w, and so cannot be replaced", busy).Fix("end those programs, then try again")
}

// Promote moves what waits in .next to its place, if nobody runs in either. It
// reports whether it did. The caller holds the lock of the key.
//
// Two renames and no moment without an env: what waits is used first, so the
// old one goes first. A crash between them leaves the new one waiting.
func (s *Store) Promote(l *Lock) (bool, error) {
	next, target := s.Root.Next(l.key), s.Root.Shared(l.key)
	if !fsys.IsDir(next.Path) || !fsys.Exists(next.Ready()) {
		return false, nil // nothing whole: the published one stays
	}
	for _, d := range []envdir.Dir{next, target} {
		lease, err := s.Exclusive(d)
		if err != nil {
			return false, nil //nolint:nilerr // in use: later
		}
		defer lease.Release()
	}
	old := ""
	if fsys.Exists(target.Path) {
		var err error
		if old, err = s.retiredPath(l.key); err != nil {
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
		return true, errors.Join(s.syncParents(), fsys.SyncDir(filepath.Dir(next.Path)))
	case old != "" && fsys.IsDir(next.Path): // where it cannot be moved it is used as before
		_ = fsys.RenameNew(old, target.Path)
	}
	if fsys.Immovable(err) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
		return false, nil // without locks another was quicker
	}
	return false, err
}
