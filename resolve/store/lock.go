package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/gofrs/flock"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// ErrBusy is returned when another process holds a creation lock.
var ErrBusy = errors.New("another process holds the lock")

// Lock is a held creation lock.
type Lock struct {
	store    *Store
	key      envdir.Key
	file     *flock.Flock
	owner    Owner
	lockless bool
}

// TryLock takes the creation lock of a key, or returns [ErrBusy] at once. The lock
// file is never deleted: otherwise two processes could both hold "the" lock.
//
// If locks do not work at all (NFS without a lock daemon), the Lock is Lockless.
// Two creators then waste work, but do no harm: publishing is one rename, and only
// one of them wins.
func (s *Store) TryLock(k envdir.Key) (*Lock, error) {
	if err := EnsureWritable(s.Root.Locks()); err != nil {
		return nil, err
	}
	file, got, err := tryFile(s.Root, k)
	l := &Lock{store: s, key: k, file: file}
	switch {
	case fsys.NoLocks(err):
		l.lockless = true
	case fault.CodeOf(err) == fault.Untrusted:
		return nil, err
	case errors.Is(err, fs.ErrPermission):
		return nil, notWritable(s.Root.Files(k).Lock(), err)
	case err != nil:
		return nil, fsys.Fault(fmt.Errorf("creation lock %s: %w", s.Root.Files(k).Lock(), err))
	case !got:
		return nil, ErrBusy
	}
	host, _ := os.Hostname() // "" if it is not known
	l.owner = Owner{Schema: 1, PID: os.Getpid(), Host: host, User: userName(), BootID: BootID(), Started: time.Now().UTC()}
	s.At("locked")
	return l, nil
}

func tryFile(root envdir.Root, k envdir.Key) (*flock.Flock, bool, error) {
	newLock(root.Locks(), root.Files(k).Lock())
	// O_RDWR: NFSv4 emulates flock with fcntl, which needs it for an exclusive lock.
	f := flock.New(root.Files(k).Lock(), flock.SetFlag(os.O_CREATE|os.O_RDWR|fsys.NoFollow), flock.SetPermissions(0o644))
	got, err := f.TryLock()
	if got {
		fsys.ShareLike(root.Files(k).Lock(), root.Locks())
	}
	return f, got, fsys.NoLink(root.Files(k).Lock(), err)
}

// newLock creates a team's lock file with the group's rights. It links a temporary
// file into place, because a rename could replace a file that another process has
// locked. If hard links do not work, or if no team shares dir, the first process
// that locks the file creates it.
func newLock(dir, path string) {
	if _, ok := fsys.TeamFolder(dir); !ok || fsys.Exists(path) {
		return
	}
	tmp := fsys.Temp(path)
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return
	}
	_ = f.Close()
	fsys.ShareLike(tmp, dir)
	_ = os.Link(tmp, path) // fails if the file exists or links do not work
	_ = os.Remove(tmp)
}

// Lockless reports whether the file system has no locks, so that this Lock protects
// nothing.
func (l *Lock) Lockless() bool { return l.lockless }

// Report publishes the progress of this creation for other processes. It does not
// change the owner's identity.
func (l *Lock) Report(o Owner) error {
	me := l.owner
	o.Schema, o.PID, o.Host, o.User, o.BootID, o.Started = me.Schema, me.PID, me.Host, me.User, me.BootID, me.Started
	l.owner = o
	data, err := json.Marshal(l.owner)
	if err != nil {
		return err
	}
	return fsys.WriteFile(l.store.Root.Files(l.key).Owner(), data)
}

// Unlock releases the lock. It first removes the owner file, so that no process
// reads about an owner that is gone.
func (l *Lock) Unlock() error {
	l.store.At("unlock")
	if err := fsys.RemoveAll(l.store.Root.Files(l.key).Owner()); err != nil { // RemoveAll waits: on Windows a reader blocks the removal
		return errors.Join(err, l.file.Close())
	}
	return l.file.Close()
}
