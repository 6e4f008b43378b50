package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// State stores the state of one machine, which may be lost at any time: verdicts
// and hardware. It is in the root or, if the root is read-only, in the user's own
// state folder.
type State struct{ root, user string }

// OpenState returns the state of a machine. It does not access the folders.
// userState may be "".
func OpenState(r envdir.Root, machine, userState string) State {
	st := State{root: r.State().Machine(machine)}
	if userState != "" {
		sum := sha256.Sum256([]byte(r))
		st.user = filepath.Join(userState, hex.EncodeToString(sum[:6]), machine)
	}
	return st
}

// Read reads from the root, or else from the user's folder. If both have the file,
// the newer one counts. Otherwise an old answer in a read-only root would hide the
// user's answer, and every start would probe again.
func (st State) Read(name string) ([]byte, error) {
	first, second := filepath.Join(st.root, name), ""
	if st.user != "" {
		second = filepath.Join(st.user, name)
		if newer(second, first) {
			first, second = second, first
		}
	}
	data, err := fsys.ReadFile(first, maxState)
	if err == nil || second == "" {
		return data, err
	}
	return fsys.ReadFile(second, maxState)
}

// newer reports whether a exists and is newer than b, or b does not exist.
func newer(a, b string) bool {
	mine, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err != nil || mine.ModTime().After(other.ModTime())
}

// Write writes to the root, or else to the user's folder. After a write to the root
// it removes the file of that name from the user's folder, so that an old answer
// never comes back.
func (st State) Write(name string, data []byte) error {
	err := fsys.WriteFile(filepath.Join(st.root, name), data)
	if st.user == "" {
		return err
	}
	file := filepath.Join(st.user, name)
	if err == nil {
		if e := os.Remove(file); e != nil && !errors.Is(e, fs.ErrNotExist) {
			return e
		}
		return nil
	}
	return fsys.WriteFile(file, data)
}

// Lock waits until no other process of this machine holds the name, so that only
// one deep probe runs at a time. If neither folder can be written or locked, it
// does not wait: two probes are slow, but do no harm.
func (st State) Lock(ctx context.Context, name string) (unlock func(), err error) {
	for _, dir := range []string{st.root, st.user} {
		if dir == "" || fsys.MkdirLike(dir) != nil {
			continue
		}
		f := flock.New(filepath.Join(dir, name+".lock"), flock.SetFlag(os.O_CREATE|os.O_RDWR|fsys.NoFollow), flock.SetPermissions(0o644))
		got, err := f.TryLockContext(ctx, 20*time.Millisecond)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err == nil && got {
			fsys.ShareLike(f.Path(), dir)
			return func() { _ = f.Close() }, nil
		}
	}
	return func() {}, nil
}
