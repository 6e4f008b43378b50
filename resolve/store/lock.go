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

// Owner is who creates an env and how far; advisory, for messages only.
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

	Packages      int    `json:"packages,omitempty"`       // that are done
	PackagesTotal int    `json:"packages_total,omitempty"` // 0 unknown
	Doing         string `json:"doing,omitempty"`          // one thing of the phase: "downloading torch 2.11.0"
}

// Lock is a held creation lock.
type Lock struct {
	store    *Store
	key      envdir.Key
	file     *flock.Flock
	owner    Owner
	lockless bool
}

// TryLock takes the creation lock of a key or returns ErrBusy at once. The
// file is never deleted: that would let two processes hold "the" lock.
//
// Where locks do not work at all (NFS without a lock daemon) the Lock is
// Lockless: two creators are slow then, not wrong, because publishing is one
// rename that only one of them wins.
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
	host, _ := os.Hostname() // "" is said as it is
	l.owner = Owner{Schema: 1, PID: os.Getpid(), Host: host, User: userName(), BootID: BootID(), Started: time.Now().UTC()}
	s.At("locked")
	return l, nil
}

func (s *Store) tryFile(k envdir.Key) (*flock.Flock, bool, error) {
	newLock(s.Root.Locks(), s.Root.Lock(k))
	// O_RDWR: NFSv4 emulates flock with fcntl, which wants it for an exclusive lock.
	f := flock.New(s.Root.Lock(k), flock.SetFlag(os.O_CREATE|os.O_RDWR|fsys.NoFollow), flock.SetPermissions(0o644))
	got, err := f.TryLock()
	if got {
		fsys.ShareLike(s.Root.Lock(k), s.Root.Locks())
	}
	return f, got, fsys.NoLink(s.Root.Lock(k), err)
}

// newLock makes a lock file for a team as mkdirIn makes a folder; a link,
// because nothing may take the place of a file that somebody locked. Where
// there are no links, and where no team shares dir, it is the first who locks
// that makes the file.
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
	_ = os.Link(tmp, path) // see above
	_ = os.Remove(tmp)
}

// Busy reports whether another process holds the creation lock. It changes
// nothing on the disk, so it serves those who only look.
func (s *Store) Busy(k envdir.Key) (bool, error) {
	busy, _, err := s.LockState(k)
	return busy, err
}

// LockState is [Store.Busy] that also reports where the file system has no locks.
func (s *Store) LockState(k envdir.Key) (busy, lockless bool, err error) {
	if _, err := os.Lstat(s.Root.Lock(k)); err != nil {
		return false, false, nil //nolint:nilerr // no lock file: nobody ever created
	}
	f := flock.New(s.Root.Lock(k), flock.SetFlag(os.O_RDONLY|fsys.NoFollow))
	got, err := f.TryRLock()
	if err != nil {
		return false, fsys.NoLocks(err), nil // without working locks nobody can be waited for
	}
	if got {
		return false, false, f.Close()
	}
	return true, false, nil
}

// Lockless reports that this is no lock: the file system has none.
func (l *Lock) Lockless() bool { return l.lockless }

// Report replaces what others read about us: how far we are. Who we are stays.
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

// Unlock frees the lock. What was said about us goes first, so that nobody
// reads of an owner who is none.
func (l *Lock) Unlock() error {
	l.store.At("unlock")
	if err := fsys.RemoveAll(l.store.Root.Owner(l.key)); err != nil { // patient: on Windows a reader is in the way
		return errors.Join(err, l.file.Close())
	}
	return l.file.Close()
}

// maxOwner is far above any owner file.
const maxOwner = 64 << 10

// maxCount is above any number that an owner truly has, and far below an overflow.
const maxCount = 1 << 50

// Owner reads who holds the lock; what cannot be read is a zero Owner. Whoever
// shares the root can write the file: no number of it makes a sum overflow, and
// no text of it looks like a line of ours.
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

// EnsureWritable makes a folder of ours, and returns an error where the root cannot
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

// refused is why nothing can be made in a folder of ours.
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
