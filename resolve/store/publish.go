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

// Published is the result of publishing an env.
type Published struct {
	Dir       envdir.Dir
	Retired   string // path of the env that it replaced; "" if none
	Postponed string // why it waits in .next; "" if it does not
	Existing  bool   // another creator was first: Dir is its env, and ours is deleted
}

// Publish makes the staged env visible with one rename. It exchanges an existing
// env, and keeps the old one in .old. Where the old env is in use or cannot be
// moved, the new one waits in .next. The old env never disappears before the new
// one is there.
//
// Where another env already waits in .next, the new one replaces that env unless a
// program runs in it. An env in .next is used first, so a new env anywhere else
// would be ignored.
//
// A sealed env that appeared after the stage was created belongs to another
// creator. That happens where locks do not work. Publish uses that env and deletes
// ours.
func (st *Stage) Publish() (Published, error) {
	s, target := st.store, st.store.Root.Shared(st.key)
	s.At("publish")
	p, err := st.place(target)
	for tries := 0; tries < 3 && (errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist)); tries++ {
		// Without locks and without an exchange, another creator may act between our
		// checks and our renames.
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
	_ = s.syncParents() // published: a failed flush changes nothing
	return p, nil
}

// place is one attempt of Publish.
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

// beaten reports whether another creator published a complete env since the stage
// was created.
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

// replace publishes the folder at path in place of the published env of the key,
// unless a program runs there.
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

// moveIn exchanges the staging folder at path with the published env. The caller
// holds the exclusive lease of the env.
func (s *Store) moveIn(k envdir.Key, path string) (Published, error) {
	target := s.Root.Shared(k)
	old, err := s.retiredPath(k)
	if err != nil {
		return Published{}, err
	}
	err = s.exchange(path, target.Path)
	if err == nil {
		s.At("exchanged")
		// The old env is at path now, in staging. If a crash or an error leaves it there,
		// the next creation removes it. The new env is published in any case, so the
		// error is not one of Publish.
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

// retiredPath returns a free path in .old.
func (s *Store) retiredPath(k envdir.Key) (string, error) {
	old := s.Root.Retired(string(k), suffix())
	return old, fsys.MkdirLike(filepath.Dir(old))
}

// journal records what a publish in two renames is about to do.
type journal struct {
	Schema int    `json:"schema"`
	New    string `json:"new"` // paths below .envs
	Old    string `json:"old"`
	Next   bool   `json:"next,omitempty"` // the target is in .next
}

// twoSteps moves d to old and then path to d, without an exchange. Between the two
// renames there is no env. The journal lets the next creation finish or undo the
// publish.
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
		if !fsys.Exists(target) { // keep the journal: the next creation tries again to undo it
			return errors.Join(err, undone)
		}
		return errors.Join(err, fsys.RemoveAll(s.Root.Journal(k)))
	}
	s.At("moved-new")
	return fsys.RemoveAll(s.Root.Journal(k))
}

// postpone moves the new env to .next, where it is used at once. It keeps an older
// env from there in .old. It refuses while a program runs in that older env: the
// program would import the new env's files later.
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
		// No exchange: after a crash the older env would be in staging, where the next
		// creation deletes it while programs may run in it.
		if err := s.twoSteps(k, p.Dir, path, old); err != nil {
			return Published{}, err
		}
	} else if err := fsys.Rename(path, p.Dir.Path); err != nil {
		return Published{}, err
	}
	return p, fsys.SyncDir(filepath.Dir(p.Dir.Path))
}

// waitsInUse adds a remedy to the error of an env in .next that cannot be replaced.
func waitsInUse(err error) error {
	var busy *InUse
	if !errors.As(err, &busy) {
		return err
	}
	return fault.New(fault.InUse, "%w, and so cannot be replaced", busy).Fix("end those programs, then try again")
}

// Promote moves an env from .next to its place, unless a program runs in either. It
// reports whether it did. The caller holds the lock of the key.
//
// It takes two renames, and at every moment an env can be used: the env in .next is
// used first, so the published one is moved away first. After a crash between the
// renames, the new env still waits in .next.
func (s *Store) Promote(l *Lock) (bool, error) {
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
	case old != "" && fsys.IsDir(next.Path): // it cannot be moved: use the old one as before
		_ = fsys.RenameNew(old, target.Path)
	}
	if fsys.Immovable(err) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
		return false, nil // without locks another process was quicker
	}
	return false, err
}
