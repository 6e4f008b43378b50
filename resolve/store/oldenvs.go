package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// OldEnvs are the envs of the app, one per model: those in environments/, and those
// that were moved to .old. modelrun moves them to .old and back. It changes nothing
// else in environments/.
type OldEnvs struct{ store *Store }

// InPlace returns the envs in environments/, sorted by id.
func (o OldEnvs) InPlace() ([]envdir.Dir, error) {
	envs, err := o.store.Catalogue().Envs()
	var old []envdir.Dir
	for _, d := range envs {
		if d.Kind == envdir.Old {
			old = append(old, d)
		}
	}
	return old, err
}

// Migrated returns the old envs in .old that can be moved back, sorted.
func (o OldEnvs) Migrated() (out []envdir.Dir, err error) {
	root := o.store.Root
	entries, err := os.ReadDir(root.OldEnvs())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fsys.Fault(err)
	}
	for _, e := range entries {
		if id, ok := o.IsMigrated(e.Name()); ok && e.IsDir() {
			out = append(out, envdir.Dir{Kind: envdir.Old, Name: string(id), Path: filepath.Join(root.OldEnvs(), e.Name())})
		}
	}
	return out, nil
}

// IsMigrated reports whether a name in .old belongs to a migrated env, as opposed
// to a replaced one, and returns its id.
func (o OldEnvs) IsMigrated(name string) (envdir.ID, bool) {
	stem, _, ok := envdir.ParseRetired(name)
	if !ok {
		return "", false
	}
	id, ok := envdir.OldID(stem)
	d := envdir.Dir{Path: filepath.Join(o.store.Root.OldEnvs(), name)}
	return id, ok && fsys.Exists(d.Venv()) && isOldName(o.store.Root, stem, fsys.Exists(d.Ready()))
}

// isOldName reports whether a name that could also be a key belongs to an old env.
// The app does not seal envs, but a seal may have been copied into one. Few ids
// look like a key ("gpt2"). A replaced env leaves the creation lock of its key
// behind, which is never deleted.
func isOldName(root envdir.Root, name string, sealed bool) bool {
	k, err := envdir.ParseKey(name)
	if err != nil {
		return true
	}
	locked := fsys.Exists(root.Files(k).Lock())
	if strings.HasPrefix(name, "local_") || strings.Contains(name, "__") {
		return !sealed || !locked
	}
	return !sealed && !locked
}

// Movable returns an error if an old env cannot be moved into .old now. It changes
// nothing.
func (o OldEnvs) Movable(d envdir.Dir) error {
	root := o.store.Root
	if err := checkFolders(root, d.Path, root.OldEnvs()); err != nil {
		return err
	}
	if !isOldName(root, d.Name, fsys.Exists(d.Ready())) {
		return fault.New(fault.BadRoot, "%s could not be moved back: in .old it looks like a shared environment that was replaced", d.Path).
			Fix("make the model's shared environment: modelrun ensure -m MODEL   # then delete this one: %s", fault.Remove(d.Path))
	}
	return inUseFault(o.store.CheckUnused(d))
}

// checkFolders checks the folders that a move needs: no symbolic links, one file
// system, write permission.
func checkFolders(root envdir.Root, from, to string) error {
	for _, path := range []string{root.Environments(), root.OldEnvs(), from} {
		info, err := os.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist) && path != from:
			continue
		case err != nil:
			return fsys.Fault(err)
		case !info.IsDir():
			return fault.New(fault.BadRoot, "%s is not a folder of its own, and nothing is moved through a link", path).
				Fix("to be rid of the environment, delete it: %s", fault.Remove(from))
		}
	}
	if !sameDisk(from, to) {
		return otherDisk(from)
	}
	for _, path := range []string{from, filepath.Dir(from), to} {
		if !fsys.CanWrite(path) {
			return cannotMove(from, to, &fs.PathError{Op: "write", Path: path, Err: syscall.EACCES})
		}
	}
	return nil
}

// sameDisk reports whether a folder and its target, which may not exist yet, are on
// the same file system.
func sameDisk(from, to string) bool {
	for !fsys.Exists(to) && to != filepath.Dir(to) {
		to = filepath.Dir(to)
	}
	a, err1 := os.Stat(from)
	b, err2 := os.Stat(to)
	if err1 != nil || err2 != nil {
		return true // the rename will report it
	}
	one, _ := fsys.Identify(from, a)
	two, _ := fsys.Identify(to, b)
	return one.Disk() == two.Disk()
}

func otherDisk(from string) error {
	return fault.New(fault.BadRoot, "%s is on another disk than its place would be: moving it would copy it, which is never done", from).
		Fix("make the model's shared environment: modelrun ensure -m MODEL   # then delete this one: %s", fault.Remove(from))
}

// cannotMove explains why a rename was refused.
func cannotMove(from, to string, err error) error {
	switch {
	case runtime.GOOS != "windows" && errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fault.New(fault.NotWritable, "%s cannot be moved to %s: %w", from, to, err).Fix("have the owner of both folders do it")
	case fsys.Immovable(err): // on Windows: a file in it is open
		return fault.New(fault.InUse, "%s cannot be moved to %s: %w", from, to, err).
			Fix("end every program that has a file of it open, then try again; or delete it: %s", fault.Remove(from))
	}
	return fsys.Fault(fmt.Errorf("moving %s to %s: %w", from, to, err))
}

// inUseFault adds a remedy to an [InUse] error.
func inUseFault(err error) error {
	var busy *InUse
	if !errors.As(err, &busy) {
		return err
	}
	return fault.New(fault.InUse, "%w", busy).Fix("end those programs, then try again")
}

// Migrate moves an old env into .old with one rename, and returns its new path. If
// modelrun is killed, the env is complete in one of the two places. No program runs
// in the env. A program that starts at this moment waits, and then does not find
// the env.
//
// The caller has checked that the model's shared env is healthy.
func (o OldEnvs) Migrate(id envdir.ID) (to string, err error) {
	s := o.store
	d := s.Root.Old(id)
	if err := checkFolders(s.Root, d.Path, s.Root.OldEnvs()); err != nil {
		return "", err
	}
	if err := fsys.MkdirLike(s.Root.OldEnvs()); err != nil {
		return "", refused(s.Root.OldEnvs(), err)
	}
	lease, err := alone(s, d)
	if err != nil {
		return "", err
	}
	defer lease.Release()
	s.At("migrate-alone")
	to = s.Root.Retired(string(id), suffix())
	if err := move(d.Path, to); err != nil {
		return "", err
	}
	s.At("migrate-moved")
	return to, nil
}

// Restorable returns an error if a migrated env cannot be moved back now. It
// changes nothing.
func (o OldEnvs) Restorable(d envdir.Dir) error {
	s := o.store
	home := s.Root.Old(envdir.ID(d.Name))
	if fsys.Exists(home.Path) {
		return fault.New(fault.InUse, "%s is there again, and nothing takes its place", home.Path).
			Fix("see which one is wanted: modelrun list   # then delete the other: %s", fault.Remove(home.Path))
	}
	if err := checkFolders(s.Root, d.Path, s.Root.Environments()); err != nil {
		return err
	}
	return inUseFault(CheckProcesses(d))
}

// Restore moves a migrated env, one of [OldEnvs.Migrated], back to environments/.
// It returns an error if an env with that id exists there again.
func (o OldEnvs) Restore(d envdir.Dir) error {
	s := o.store
	if err := o.Restorable(d); err != nil {
		return err
	}
	if err := fsys.MkdirLike(s.Root.Environments()); err != nil {
		return refused(s.Root.Environments(), err)
	}
	home := s.Root.Old(envdir.ID(d.Name))
	lease, err := alone(s, home)
	if err != nil {
		return err
	}
	defer lease.Release()
	s.At("migrate-undo")
	if err := move(d.Path, home.Path); err != nil {
		return err
	}
	s.At("migrate-undone")
	return nil
}

// alone takes the lease of an old env exclusively. It returns an error if locks do
// not work: a program that runs in the env on another machine would lose its files.
func alone(s *Store, d envdir.Dir) (*Lease, error) {
	lease, err := s.Exclusive(d)
	if err != nil {
		return nil, inUseFault(err)
	}
	if fsys.NoLocks(fsys.LockFile(lease.file, true)) {
		lease.Release()
		return nil, fault.New(fault.InUse, "there are no locks here, so whoever runs in %s on another machine is not seen", d.Path).
			Fix("when nobody does, delete it: %s", fault.Remove(d.Path))
	}
	return lease, nil
}

// move makes one rename to a free name.
func move(from, to string) error {
	err := fsys.RenameNew(from, to)
	switch {
	case errors.Is(err, syscall.EXDEV):
		return otherDisk(from)
	case err != nil:
		return cannotMove(from, to, err)
	}
	_ = errors.Join(fsys.SyncDir(filepath.Dir(from)), fsys.SyncDir(filepath.Dir(to))) // it is moved; a power cut may undo the whole move
	return nil
}
