package store

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/fsys/fsystest"
)

func TestStateRefusesLargeFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "big")
	require.NoError(t, os.WriteFile(path, nil, 0o644))
	require.NoError(t, os.Truncate(path, 50<<20))
	st := State{root: filepath.Dir(path)}
	_, err := st.Read("big")
	require.ErrorIs(t, err, fsys.ErrNotRegular)
}

func TestState(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	user := t.TempDir()
	st := OpenState(s.Root, "machine", user)
	_, err := st.Read("v.json")
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, st.Write("v.json", []byte("root")))
	data, err := st.Read("v.json")
	require.NoError(t, err)
	require.Equal(t, "root", string(data))

	// The root cannot be written any more, and its answer is the older one.
	mine := filepath.Join(st.user, "v.json")
	require.NoError(t, fsys.WriteFile(mine, []byte("user")))
	later := time.Now().Add(time.Minute)
	require.NoError(t, os.Chtimes(mine, later, later))
	data, err = st.Read("v.json")
	require.NoError(t, err)
	require.Equal(t, "user", string(data))

	require.NoError(t, st.Write("v.json", []byte("root again")))
	require.NoFileExists(t, mine)
	data, err = st.Read("v.json")
	require.NoError(t, err)
	require.Equal(t, "root again", string(data))
}

func TestStateLockIsHeldByOne(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	st := OpenState(s.Root, "machine", "")
	unlock, err := st.Lock(t.Context(), "probe")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = st.Lock(ctx, "probe")
	require.ErrorIs(t, err, context.Canceled)
	got := make(chan error)
	go func() {
		free, err := st.Lock(t.Context(), "probe")
		if err == nil {
			free()
		}
		got <- err
	}()
	unlock()
	require.NoError(t, <-got)
}

func TestTrashFollowsNoLink(t *testing.T) {
	t.Parallel()
	fsystest.SkipOnWindows(t) // links need a privilege there
	s := newStore(t)
	outside := filepath.Join(t.TempDir(), "precious")
	require.NoError(t, os.MkdirAll(outside, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(outside, "file"), nil, 0o644))
	inside := filepath.Join(s.Root.Trash("0123abcd"), "locked")
	require.NoError(t, os.MkdirAll(inside, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(inside, "file"), nil, 0o444))
	require.NoError(t, os.Symlink(outside, filepath.Join(inside, "link")))
	require.NoError(t, os.Symlink(outside, s.Root.Trash("89abcdef")))
	require.NoError(t, os.Chmod(inside, 0o555))
	s.EmptyTrash()
	requireNoLitter(t, s)
	require.FileExists(t, filepath.Join(outside, "file"))
}

func TestLogsKeepTheLastTen(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	require.NoError(t, os.MkdirAll(s.Root.Logs(), 0o755))
	for i := range 15 {
		at := time.Date(2020, 1, 1+i, 0, 0, 0, 0, time.UTC)
		require.NoError(t, os.WriteFile(s.Root.Files(key).Log(at), nil, 0o644))
	}
	l, err := s.NewLog("a-key-that-sorts-first")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	entries, err := os.ReadDir(s.Root.Logs())
	require.NoError(t, err)
	require.Len(t, entries, keptLogs)
	require.FileExists(t, l.Name(), "the newest stays, whatever its key")
}

// FuzzNotes checks that files that other users can write never cause a panic and
// never create an env.
func FuzzNotes(f *testing.F) {
	f.Add([]byte(`{"schema":1,"new":".tmp/x-0123abcd","old":".old/x-0123abcd","id":"1","tries":-9,"pid":1}`))
	f.Add([]byte(`{"finished":"9999-12-31T23:59:59Z","id":"1","tries":9223372036854775807}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := newStore(t)
		for _, path := range []string{s.Root.Files(key).Owner(), s.Root.Files(key).Failure(), s.Root.Files(key).Journal()} {
			require.NoError(t, fsys.WriteFile(path, data))
		}
		s.Creation(key).Owner()
		failure := s.Creation(key).Failure()
		require.LessOrEqual(t, failure.BackoffRemaining(failure.Inputs), lastPause)
		require.NoError(t, (&Lock{store: s, key: key}).finish())
		require.Empty(t, content(t, s.Root.Shared(key)))
	})
}
