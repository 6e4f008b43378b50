package store

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/modelrun/modelrun/resolve/fsys"
)

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
