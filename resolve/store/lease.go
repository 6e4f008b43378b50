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

// Lease is a shared lock that a program holds while it runs in an env. Its
// descriptor survives execve: see [Lease.FD]. gofrs/flock hides its descriptor, so
// this uses [fsys.LockFile]. A nil Lease holds nothing.
type Lease struct{ file *os.File }

// leaseWait is how long a start waits for a process that is replacing the env: a
// rename takes milliseconds.
const leaseWait = 10 * time.Second

// Lease takes the lease of an env. If that is impossible (a read-only root, a file
// system without locks), it returns nil without an error, and the program starts
// anyway.
func (s *Store) Lease(ctx context.Context, d envdir.Dir) (*Lease, error) {
	f, err := openLease(s.Root, d, os.O_RDONLY) // so that the healthy path writes nothing
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

// openLease opens the lease file. It creates the file the first time.
func openLease(root envdir.Root, d envdir.Dir, flag int) (*os.File, error) {
	path := root.Lease(d)
	f, err := fsys.OpenRegular(path, flag|fsys.NoFollow)
	if errors.Is(err, fs.ErrPermission) && flag != os.O_RDONLY {
		f, err = fsys.OpenRegular(path, os.O_RDONLY|fsys.NoFollow) // another user's file: most file systems still lock it
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return f, fsys.NoLink(path, err)
	}
	if err := fsys.MkdirLike(root.Locks()); err != nil {
		return nil, err
	}
	f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|fsys.NoFollow, 0o644)
	if err == nil {
		fsys.ShareLike(path, root.Locks())
	}
	return f, err
}

// touchDaily records the day of the last use. A healthy start writes nothing else,
// and this once a day.
func touchDaily(f *os.File) {
	if info, err := f.Stat(); err == nil {
		if age := time.Since(info.ModTime()); age > 24*time.Hour || age < -24*time.Hour {
			_ = fsys.Touch(f.Name()) // not permitted: keep the old time
		}
	}
}

// FD returns the descriptor that the program inherits.
func (l *Lease) FD() (uintptr, bool) {
	if l == nil || l.file == nil {
		return 0, false
	}
	return l.file.Fd(), true
}

// Release releases the lease.
func (l *Lease) Release() {
	if l != nil && l.file != nil {
		_ = l.file.Close() // closing releases the lock
		l.file = nil
	}
}

// InUse is the error of an env that cannot be replaced, moved or removed because
// programs run in it.
type InUse struct {
	Dir   envdir.Dir // the env
	Users []Process  // those that were found; a lease does not name its holders
}

// Error names the env and the processes that use it.
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

// Process is a process that runs in an env.
type Process struct {
	PID  int    // its number
	Name string // of its program
}

// CheckUnused returns an [InUse] error if a program runs in the env. It does the
// same as [Store.Exclusive], but does not keep the lease. A program that starts at
// this moment waits a little longer.
func (s *Store) CheckUnused(d envdir.Dir) error {
	users := Users(d)
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

// CheckProcesses returns an [InUse] error if a process runs in a replaced env. It
// ignores the lease of the key, which belongs to the env that replaced this one. If
// there are locks, no program ran in the env when it was replaced.
func CheckProcesses(d envdir.Dir) error {
	if users := Users(d); len(users) > 0 {
		return &InUse{d, users}
	}
	return nil
}

// Exclusive takes the lease exclusively: no program runs in the env, and none can
// start in it until Release. A lease can leak to daemons, and a program can lose it
// by closerange. So Exclusive also searches /proc, if that exists.
func (s *Store) Exclusive(d envdir.Dir) (*Lease, error) {
	// NFSv4 emulates flock with fcntl, which needs O_RDWR for an exclusive lock. With
	// O_RDONLY the file system would look as if it had no locks.
	f, err := openLease(s.Root, d, os.O_RDWR)
	if err != nil {
		return nil, err
	}
	if err := fsys.LockFile(f, true); errors.Is(err, fsys.ErrHeld) {
		_ = f.Close()
		return nil, &InUse{d, Users(d)}
	} else if err != nil && !fsys.NoLocks(err) {
		_ = f.Close()
		return nil, err
	}
	if users := Users(d); len(users) > 0 {
		_ = f.Close()
		return nil, &InUse{d, users}
	}
	return &Lease{f}, nil
}
