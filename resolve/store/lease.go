package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// Lease is a shared lock that is held while a program runs in an env. Its
// descriptor survives execve: see FD. gofrs/flock hides its descriptor, so this
// is a small twin of our own. A nil Lease holds nothing.
type Lease struct{ file *os.File }

// leaseWait is how long a start waits for somebody who replaces the env at this
// moment: a rename takes milliseconds.
const leaseWait = 10 * time.Second

// Lease takes the lease of an env. Where there can be none (a root that cannot
// be written, a file system without locks) it is nil without an error: a
// program is not kept from starting for it.
func (s *Store) Lease(ctx context.Context, d envdir.Dir) (*Lease, error) {
	f, err := s.leaseFile(d, os.O_RDONLY) // so that the healthy path writes nothing
	if err != nil {
		return nil, nil //nolint:nilerr,nilnil // see above
	}
	deadline := time.Now().Add(leaseWait)
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		err := fsys.LockFile(f, false)
		if err == nil {
			touchDaily(f)
			return &Lease{f}, nil
		}
		if !errors.Is(err, fsys.ErrHeld) {
			_ = f.Close()
			return nil, nil //nolint:nilnil // no locks here
		}
		if time.Now().After(deadline) {
			_ = f.Close()
			return nil, fault.New(fault.WaitTimeout, "%s is being replaced for more than %s", d.Path, leaseWait).Fix("try again")
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

// leaseFile opens the lease, and makes it the first time.
func (s *Store) leaseFile(d envdir.Dir, flag int) (*os.File, error) {
	path := s.Root.Lease(d)
	f, err := fsys.OpenRegular(path, flag|fsys.NoFollow)
	if errors.Is(err, fs.ErrPermission) && flag != os.O_RDONLY {
		f, err = fsys.OpenRegular(path, os.O_RDONLY|fsys.NoFollow) // another user's: most file systems lock it all the same
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return f, fsys.NoLink(path, err)
	}
	if err := fsys.MkdirLike(s.Root.Locks()); err != nil {
		return nil, err
	}
	f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|fsys.NoFollow, 0o644)
	if err == nil {
		fsys.ShareLike(path, s.Root.Locks())
	}
	return f, err
}

// touchDaily keeps the day of the last use; once a day is the only write of a
// healthy start.
func touchDaily(f *os.File) {
	if info, err := f.Stat(); err == nil {
		if age := time.Since(info.ModTime()); age > 24*time.Hour || age < -24*time.Hour {
			_ = fsys.Touch(f.Name()) // not ours to touch: then it stays
		}
	}
}

// FD is the descriptor that the program inherits.
func (l *Lease) FD() (uintptr, bool) {
	if l == nil || l.file == nil {
		return 0, false
	}
	return l.file.Fd(), true
}

// Release gives the lease back.
func (l *Lease) Release() {
	if l != nil && l.file != nil {
		_ = l.file.Close() // closing is all there is to do
		l.file = nil
	}
}

// InUse is why an env cannot be replaced, moved or removed now.
type InUse struct {
	Dir   envdir.Dir
	Users []Process // those that could be found; a lease alone names nobody
}

func (e *InUse) Error() string {
	if len(e.Users) == 0 {
		return e.Dir.Path + " is in use"
	}
	var who []string
	for _, p := range e.Users {
		who = append(who, fmt.Sprintf("%d (%s)", p.PID, p.Name))
	}
	return fmt.Sprintf("%s is in use by %s", e.Dir.Path, strings.Join(who, ", "))
}

// Process is one that runs in an env.
type Process struct {
	PID  int
	Name string
}

// CheckUnused returns an [InUse] error where a program runs in an env, as
// [Store.Exclusive] does, and leaves nothing behind. A program that starts at this
// moment waits a little longer.
func (s *Store) CheckUnused(d envdir.Dir) error {
	users := s.Users(d)
	f, err := fsys.OpenRegular(s.Root.Lease(d), os.O_RDONLY)
	if err == nil {
		defer f.Close()
		if errors.Is(fsys.LockFile(f, true), fsys.ErrHeld) {
			return &InUse{d, users}
		}
	}
	if len(users) > 0 {
		return &InUse{d, users}
	}
	return nil
}

// CheckProcesses returns an [InUse] error where a process runs in a replaced env.
// Where there are locks, no program ran in it when it was replaced, and the lease of
// its key belongs to the env that took its place.
func (s *Store) CheckProcesses(d envdir.Dir) error {
	if users := s.Users(d); len(users) > 0 {
		return &InUse{d, users}
	}
	return nil
}

// Exclusive takes the lease for oneself: nobody runs in the env, and nobody
// can start in it until Release. A lease can leak to daemons and be lost by
// closerange, so /proc decides too, where there is one.
func (s *Store) Exclusive(d envdir.Dir) (*Lease, error) {
	// NFSv4 emulates flock with fcntl, which wants O_RDWR for an exclusive lock:
	// without it the file system would look like one without locks.
	f, err := s.leaseFile(d, os.O_RDWR)
	if err != nil {
		return nil, err
	}
	if err := fsys.LockFile(f, true); errors.Is(err, fsys.ErrHeld) {
		_ = f.Close()
		return nil, &InUse{d, s.Users(d)}
	} else if err != nil && !fsys.NoLocks(err) {
		_ = f.Close()
		return nil, err
	}
	if users := s.Users(d); len(users) > 0 {
		_ = f.Close()
		return nil, &InUse{d, users}
	}
	return &Lease{f}, nil
}
