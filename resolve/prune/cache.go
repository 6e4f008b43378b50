package prune

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/usage"
)

// archives is the folder in uv's cache with the unpacked wheels, one folder each.
// uv links their files into the envs.
const archives = "archive-v0"

// cache plans to remove the wheels in uv's cache that no env links to.
//
// uv holds the lock of its cache: a shared one while it works in the cache, and an
// exclusive one to clean it (uv 0.8.18 and later:
// https://github.com/astral-sh/uv/pull/15888). prune takes the same lock. So a
// running uv does not lose files, and a uv that starts waits only for a few
// renames. References to a wheel are removed before the wheel, because uv 0.13 does
// not recover from a reference to a missing wheel.
//
// An env never loses a file, because its links stay. If uv copies or clones instead
// of linking, the whole cache counts as not linked. Removing it then costs a
// download later, and removing a clone frees less than reported.
func (p *planner) cache() {
	dir := p.Root.Cache()
	wheels := filepath.Join(dir, archives)
	for _, part := range []string{filepath.Dir(dir), dir, wheels} { // none of them may be a symbolic link
		if len(p.entries(part)) == 0 {
			return
		}
	}
	if err := p.creators(); err != nil {
		p.keep(dir, err.Error())
		return
	}
	lock, err := p.lockCache()
	if err != nil {
		p.keep(dir, err.Error())
		return
	}
	_ = lock.Close() // set only in a test
	names := p.unlinked(p.ledger, p.entries(wheels))
	if len(names) == 0 {
		return
	}
	item := Item{Kind: Cache, Path: dir, Why: fmt.Sprintf("%d unpacked wheels that no environment links to", len(names))}
	if len(names) == 1 {
		item.Why = "1 unpacked wheel that no environment links to"
	}
	for _, name := range names {
		item.Bytes += p.ledger.Remove(filepath.Join(wheels, name))
	}
	item.do = func() (int64, error) { return p.pruneCache(names) }
	p.plan.Items = append(p.plan.Items, item)
}

// creators returns an error that names a creator, if one is running. Between two
// runs of uv the cache's lock is free, and removing wheels would cost the creator a
// download.
func (r remover) creators() error {
	entries, _ := os.ReadDir(r.Root.Locks()) // after an error there are no creators
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), filepath.Base(r.Root.Files("").Lock()))
		k, err := envdir.ParseKey(name)
		if !ok || err != nil {
			continue
		}
		if busy, err := r.Creation(k).Busy(); err != nil || busy {
			return errors.New(r.beingCreated(k))
		}
	}
	return nil
}

// lockCache takes uv's lock of its cache exclusively.
func (r remover) lockCache() (*os.File, error) {
	f, err := fsys.OpenRegular(filepath.Join(r.Root.Cache(), ".lock"), os.O_RDWR)
	if err != nil {
		return nil, fmt.Errorf("uv's lock of its cache cannot be taken: %w", err)
	}
	if err := fsys.LockFile(f, true); err != nil {
		_ = f.Close()
		if errors.Is(err, fsys.ErrHeld) {
			return nil, errors.New("uv works in it now")
		}
		return nil, fmt.Errorf("uv's lock of its cache cannot be taken: %w", err)
	}
	return f, nil
}

// pruneCache removes those of the named wheels that are still not linked.
func (r remover) pruneCache(names []string) (freed int64, err error) {
	if err := r.creators(); err != nil {
		return 0, err
	}
	lock, err := r.lockCache()
	if err != nil {
		return 0, err
	}
	defer lock.Close()
	dir := filepath.Join(r.Root.Cache(), archives)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return !slices.Contains(names, e.Name()) })
	names = r.unlinked(usage.Ledger{}, entries)
	if err := r.dereference(names); err != nil {
		return 0, err
	}
	r.At("prune-dereferenced")
	for _, name := range names {
		path := filepath.Join(dir, name)
		size := usage.Ledger{}.Remove(path)
		if err := r.Trash(path); err != nil {
			return freed, err
		}
		freed += size
	}
	r.At("prune-cached")
	return freed, nil // EmptyTrash deletes them after the lock is released
}

// unlinked returns the wheels that no env links to, neither by hard links nor by
// symbolic links (UV_LINK_MODE=symlink).
func (r remover) unlinked(l usage.Ledger, entries []os.DirEntry) []string {
	var names []string
	var symbolic map[string]bool
	for _, e := range entries {
		if !e.IsDir() || len(e.Name()) < 8 { // uv's ids have 16 characters or more
			continue
		}
		if !l.Alone(filepath.Join(r.Root.Cache(), archives, e.Name())) {
			continue
		}
		if symbolic == nil {
			symbolic = r.symbolic()
		}
		if !symbolic[e.Name()] {
			names = append(names, e.Name())
		}
	}
	return names
}

// symbolic returns the wheels to which an env of the root has a symbolic link.
func (r remover) symbolic() map[string]bool {
	found := map[string]bool{}
	for _, top := range []string{r.Root.Envs(), r.Root.Environments()} {
		_ = filepath.WalkDir(top, func(p string, e fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return nil //nolint:nilerr // skip what cannot be read
			case e.IsDir() && p == filepath.Dir(r.Root.Cache()):
				return fs.SkipDir
			case e.Type()&fs.ModeSymlink == 0:
				return nil
			}
			to, err := os.Readlink(p)
			if _, rest, ok := strings.Cut(filepath.ToSlash(to), archives+"/"); err == nil && ok {
				id, _, _ := strings.Cut(rest, "/")
				found[id] = true
			}
			return nil
		})
	}
	return found
}

// maxReference is far above the size of any file in which uv refers to a wheel.
const maxReference = 64 << 10

// dereference removes all references to the wheels from uv's cache: symbolic links,
// and small files that contain the id.
func (r remover) dereference(names []string) error {
	if len(names) == 0 {
		return nil
	}
	buckets, err := os.ReadDir(r.Root.Cache())
	if err != nil {
		return err
	}
	var all error
	for _, b := range buckets {
		if b.Name() == archives || !b.IsDir() {
			continue
		}
		err := filepath.WalkDir(filepath.Join(r.Root.Cache(), b.Name()), func(p string, e fs.DirEntry, err error) error {
			if err == nil && refers(p, e, names) {
				err = os.Remove(p) //nolint:gosec // a user who could put a link there can write the cache, and so already run code as us: docs/SECURITY.md
			}
			if errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
			return err
		})
		all = errors.Join(all, err)
	}
	return all
}

func refers(path string, e fs.DirEntry, names []string) bool {
	var text []byte
	switch {
	case e.Type()&fs.ModeSymlink != 0:
		to, _ := os.Readlink(path) // after an error there is no reference
		text = []byte(to)
	case e.Type().IsRegular():
		if info, err := e.Info(); err != nil || info.Size() > maxReference {
			return false
		}
		text, _ = os.ReadFile(path) // as above
	}
	return slices.ContainsFunc(names, func(name string) bool { return bytes.Contains(text, []byte(name)) })
}
