package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// ErrBusy is returned when another process holds a creation lock.
var ErrBusy = errors.New("another process holds the lock")

// Owner is the process that creates an env, and its progress. It is advisory: only
// for messages.
type Owner struct {
	Schema    int       `json:"schema"`
	PID       int       `json:"pid"`
	Host      string    `json:"host"`
	User      string    `json:"user"`
	BootID    string    `json:"boot_id,omitempty"`
	Started   time.Time `json:"started"`
	Phase     string    `json:"phase"`
	Done      int64     `json:"done"`  // bytes
	Total     int64     `json:"total"` // bytes, 0 unknown
	Heartbeat int64     `json:"beat"`  // grows with every sign of progress

	Packages      int    `json:"packages,omitempty"`       // finished
	PackagesTotal int    `json:"packages_total,omitempty"` // 0 unknown
	Doing         string `json:"doing,omitempty"`          // a detail of the phase: "downloading torch 2.11.0"
}

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
// Where locks do not work at all (NFS without a lock daemon) the Lock is Lockless.
// Two creators then waste work, but do no harm: publishing is one rename, and only
// one of them wins.
func (s *Store) TryLock(k envdir.Key) (*Lock, error) {
	if err := EnsureWritable(s.Root.Locks()); err != nil {
		return nil, err
	}
	file, got, err := s.tryFile(k)
	l := &Lock{store: s, key: k, file: file}
	switch {
	case fsys.NoLocks(err):
		l.lockless = true
	case fault.CodeOf(err) == fault.Untrusted:
		return nil, err
	case errors.Is(err, fs.ErrPermission):
		return nil, notWritable(s.Root.Lock(k), err)
	case err != nil:
		return nil, fsys.Fault(fmt.Errorf("creation lock %s: %w", s.Root.Lock(k), err))
	case !got:
		return nil, ErrBusy
	}
	host, _ := os.Hostname() // "" if unknown
	l.owner = Owner{Schema: 1, PID: os.Getpid(), Host: host, User: userName(), BootID: BootID(), Started: time.Now().UTC()}
	s.At("locked")
	return l, nil
}

func (s *Store) tryFile(k envdir.Key) (*flock.Flock, bool, error) {
	newLock(s.Root.Locks(), s.Root.Lock(k))
	// O_RDWR: NFSv4 emulates flock with fcntl, which needs it for an exclusive lock.
	f := flock.New(s.Root.Lock(k), flock.SetFlag(os.O_CREATE|os.O_RDWR|fsys.NoFollow), flock.SetPermissions(0o644))
	got, err := f.TryLock()
	if got {
		fsys.ShareLike(s.Root.Lock(k), s.Root.Locks())
	}
	return f, got, fsys.NoLink(s.Root.Lock(k), err)
}

// newLock creates a team's lock file with the group's rights. It links a temporary
// file into place, because a rename could replace a file that another process has
// locked. Where hard links do not work, or where no team shares dir, the first
// process that locks the file creates it.
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
	_ = os.Link(tmp, path) // fails where the file exists or links do not work
	_ = os.Remove(tmp)
}

// Busy reports whether another process holds the creation lock. It changes nothing
// on the disk.
func (s *Store) Busy(k envdir.Key) (bool, error) {
	busy, _, err := s.LockState(k)
	return busy, err
}

// LockState is [Store.Busy] that also reports whether the file system has no locks.
func (s *Store) LockState(k envdir.Key) (busy, lockless bool, err error) {
	if _, err := os.Lstat(s.Root.Lock(k)); err != nil {
		return false, false, nil //nolint:nilerr // no lock file: nothing was ever created
	}
	f := flock.New(s.Root.Lock(k), flock.SetFlag(os.O_RDONLY|fsys.NoFollow))
	got, err := f.TryRLock()
	if err != nil {
		return false, fsys.NoLocks(err), nil // without locks there is nothing to wait for
	}
	if got {
		return false, false, f.Close()
	}
	return true, false, nil
}

// Lockless reports that the file system has no locks, so that this Lock protects
// nothing.
func (l *Lock) Lockless() bool { return l.lockless }

// Report publishes the progress of this creation for other processes. It does not
// change who the owner is.
func (l *Lock) Report(o Owner) error {
	me := l.owner
	o.Schema, o.PID, o.Host, o.User, o.BootID, o.Started = me.Schema, me.PID, me.Host, me.User, me.BootID, me.Started
	l.owner = o
	data, err := json.Marshal(l.owner)
	if err != nil {
		return err
	}
	return fsys.WriteFile(l.store.Root.Owner(l.key), data)
}

// Unlock releases the lock. It first removes the owner file, so that no process
// reads about an owner that is gone.
func (l *Lock) Unlock() error {
	l.store.At("unlock")
	if err := fsys.RemoveAll(l.store.Root.Owner(l.key)); err != nil { // RemoveAll waits: on Windows a reader blocks the removal
		return errors.Join(err, l.file.Close())
	}
	return l.file.Close()
}

// maxOwner is far above the size of any owner file.
const maxOwner = 64 << 10

// maxCount is above every real number of an owner, and far below an overflow.
const maxCount = 1 << 50

// Owner reads who holds the lock. It returns a zero Owner where the file cannot be
// read. Everyone who shares the root can write the file. So no number in it can
// overflow a sum, and no text in it can look like a line of ours.
func (s *Store) Owner(k envdir.Key) Owner {
	var o Owner
	data, err := fsys.ReadFile(s.Root.Owner(k), maxOwner)
	if err != nil || json.Unmarshal(data, &o) != nil {
		return Owner{}
	}
	for _, n := range []*int64{&o.Done, &o.Total} {
		*n = min(max(*n, 0), maxCount)
	}
	for _, n := range []*int{&o.PID, &o.Packages, &o.PackagesTotal} {
		*n = min(max(*n, 0), math.MaxInt32)
	}
	for _, text := range []*string{&o.Host, &o.User, &o.Phase, &o.Doing} {
		if !isLine(*text) {
			*text = ""
		}
	}
	return o
}

// EnsureWritable creates a folder of ours. It returns an error if the root cannot
// be written.
func EnsureWritable(dir string) error {
	err := fsys.MkdirLike(dir)
	if err == nil {
		err = tryWrite(dir)
	}
	if err == nil {
		return nil
	}
	return refused(dir, err)
}

// refused explains why nothing can be created in a folder of ours.
func refused(dir string, err error) error {
	if fsys.NoSpace(err) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENOTDIR) {
		return fsys.Fault(fmt.Errorf("%s cannot be written: %w", dir, err))
	}
	return notWritable(dir, err)
}

func notWritable(path string, err error) error {
	return fault.New(fault.NotWritable, "%s cannot be written: %w", path, err).
		Fix("use a root that you can write: modelrun --root DIR …, or have its owner run: modelrun ensure")
}

// tryWrite creates and removes a file: permissions alone do not reveal a
// read-only file system.
func tryWrite(dir string) error {
	name := filepath.Join(dir, ".write-"+suffix())
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(name))
}
