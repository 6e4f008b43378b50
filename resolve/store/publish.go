package store

import (
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
	Dir       envdir.Dir // where the env is
	Retired   string     // path of the env that it replaced; "" if there is none
	Postponed string     // why it waits in .next; "" if it does not
	Existing  bool       // another creator was first: Dir is its env, and ours was deleted
}

// Publish makes the staged env visible with one rename. It exchanges an existing
// env, and keeps the old one in .old. If the old env is in use or cannot be moved,
// the new one waits in .next. The old env never disappears before the new one
// exists.
//
// If another env already waits in .next, the new one replaces that env unless a
// program runs in it. An env in .next is used first, so a new env anywhere else
// would be ignored.
//
// A sealed env that appeared after the stage was created belongs to another
// creator. That can happen if locks do not work. Publish then uses that env and
// deletes ours.
func (st *Stage) Publish() (Published, error) {
	s, target := st.store, st.store.Root.Shared(st.key)
	s.At("publish")
	p, err := st.place(target)
	for tries := 0; tries < 3 && (errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist)); tries++ {
		// Without locks and without an exchange, another creator may act between our
		// checks and our renames.
		if st.publishedByOther(target) {
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
	_ = syncParents(s.Root) // published: a failed flush changes nothing
	return p, nil
}

// place makes one attempt to publish.
func (st *Stage) place(target envdir.Dir) (Published, error) {
	if fsys.IsDir(st.store.Root.Next(st.key).Path) {
		return st.postpone("one that waits there is replaced")
	}
	err := fsys.RenameNew(st.Dir.Path, target.Path)
	switch {
	case err == nil:
		return Published{Dir: target}, nil
	case !errors.Is(err, fs.ErrExist):
		return Published{}, fmt.Errorf("publishing %s: %w", target.Path, err)
	case st.publishedByOther(target):
		return Published{Dir: target, Existing: true}, nil
	}
	return st.replace()
}

// publishedByOther reports whether another creator has published a complete env
// since the stage was created.
func (st *Stage) publishedByOther(target envdir.Dir) bool {
	now, err := os.Lstat(target.Path)
	if err != nil || st.was != nil && os.SameFile(st.was, now) {
		return false
	}
	_, err = os.Lstat(target.Ready())
	return err == nil
}

// syncParents makes the renames of a publish durable.
func syncParents(root envdir.Root) error {
	return errors.Join(fsys.SyncDir(root.Envs()), fsys.SyncDir(root.Tmp()))
}

// replace publishes the stage in place of the published env, unless a program runs
// there.
func (st *Stage) replace() (Published, error) {
	lease, err := st.store.Exclusive(st.store.Root.Shared(st.key))
	var busy *InUse
	if errors.As(err, &busy) {
		return st.postpone(busy.Error())
	}
	if err != nil {
		return Published{}, err
	}
	defer lease.Release()
	return st.moveIn()
}

// moveIn exchanges the stage with the published env. The caller holds the exclusive
// lease of that env.
func (st *Stage) moveIn() (Published, error) {
	s, path := st.store, st.Dir.Path
	target := s.Root.Shared(st.key)
	old, err := retiredPath(s.Root, st.key)
	if err != nil {
		return Published{}, err
	}
	err = s.exchange(path, target.Path)
	if err == nil {
		s.At("exchanged")
		// The old env is in staging now. If a crash or an error leaves it there,
		// the next creation removes it. The new env is published in any case, so the
		// error is not one of Publish.
		if fsys.Rename(path, old) != nil {
			return Published{Dir: target}, nil
		}
		return Published{Dir: target, Retired: old}, nil
	}
	if errors.Is(err, errors.ErrUnsupported) {
		if err = st.twoSteps(target, old); err == nil {
			return Published{Dir: target, Retired: old}, nil
		}
	}
	if fsys.Immovable(err) && fsys.IsDir(path) {
		return st.postpone(fmt.Sprintf("%s cannot be moved: %v", target.Path, err))
	}
	return Published{}, fmt.Errorf("publishing %s: %w", target.Path, err)
}

// exchange calls fsys.Exchange, unless a test replaces it.
func (s *Store) exchange(a, b string) error {
	if s.swap != nil {
		return s.swap(a, b)
	}
	return fsys.Exchange(a, b)
}

// retiredPath returns a free path in .old.
func retiredPath(root envdir.Root, k envdir.Key) (string, error) {
	old := root.Retired(string(k), suffix())
	return old, fsys.MkdirLike(filepath.Dir(old))
}

// postpone moves the new env to .next, where it is used at once. It keeps an older
// env from there in .old. It returns an error while a program runs in that older
// env, because that program would import the new env's files later.
func (st *Stage) postpone(why string) (Published, error) {
	s := st.store
	p := Published{Dir: s.Root.Next(st.key), Postponed: why}
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
		old, err := retiredPath(s.Root, st.key)
		if err != nil {
			return Published{}, err
		}
		p.Retired = old
		// No exchange: after a crash the older env would be in staging, where the next
		// creation deletes it while programs may run in it.
		if err := st.twoSteps(p.Dir, old); err != nil {
			return Published{}, err
		}
	} else if err := fsys.Rename(st.Dir.Path, p.Dir.Path); err != nil {
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
