package store

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
)

// hold acts as a program that runs in an env.
func hold(t *testing.T, s *Store, d envdir.Dir) *Lease {
	t.Helper()
	l, err := s.Lease(t.Context(), d)
	require.NoError(t, err)
	require.NotNil(t, l)
	return l
}

// eventually repeats a check that may fail for a moment: the child of another test
// holds a copy of a lease until its exec.
func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, time.Minute, time.Millisecond)
}

// TestWaitingEnvInUseIsNotReplaced checks that a program that runs in .next keeps
// its files when another env is built. Otherwise a later import would load the
// other env's files.
func TestWaitingEnvInUseIsNotReplaced(t *testing.T) {
	t.Parallel()
	s, l := postponed(t)
	s.swap = nil
	slow, err := l.Stage() // before the program starts
	require.NoError(t, err)
	user := hold(t, s, s.Root.Next(key))

	_, err = finishStage(slow, "third")
	require.Equal(t, fault.InUse, fault.CodeOf(err), "%v", err)
	require.NotEmpty(t, fault.RemedyOf(err))
	require.NoError(t, slow.Discard())
	_, err = l.Stage()
	require.Equal(t, fault.InUse, fault.CodeOf(err), "it is said before anything is downloaded")
	require.Equal(t, "new", content(t, s.Root.Next(key)))
	require.Equal(t, "old", content(t, s.Root.Shared(key)))
	require.Empty(t, retired(t, s))

	user.Release()
	eventually(t, func() bool { slow, err = l.Stage(); return err == nil })
	eventually(t, func() bool { _, err := finishStage(slow, "third"); return err == nil })
	require.Equal(t, "third", content(t, s.Root.Next(key)))
	require.Equal(t, []string{"new"}, retired(t, s))
	requireNoLitter(t, s)
}

// TestPublishReplacesWhatWaits checks that a newer env replaces the one in .next,
// which is used first, and not the published env, even if that one is free by then.
func TestPublishReplacesWhatWaits(t *testing.T) {
	t.Parallel()
	for name, gone := range map[string]bool{"the old one is there": false, "the old one was removed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, l := postponed(t)
			s.swap = nil
			if gone {
				require.NoError(t, os.RemoveAll(s.Root.Shared(key).Path))
			}
			p, err := publish(l, "third")
			require.NoError(t, err)
			require.Equal(t, s.Root.Next(key), p.Dir)
			require.Equal(t, "third", content(t, p.Dir))
			require.NoError(t, l.Recover())
			eventually(t, func() bool { return l.Recover() == nil && content(t, s.Root.Next(key)) == "" })
			require.Equal(t, "third", content(t, s.Root.Shared(key)))
		})
	}
}

// TestLeasesOfNextAndShared checks that a program in the published env does not
// block an env that waits.
func TestLeasesOfNextAndShared(t *testing.T) {
	t.Parallel()
	s, l := postponed(t)
	s.swap = nil
	defer hold(t, s, s.Root.Shared(key)).Release()
	p, err := publish(l, "third")
	require.NoError(t, err)
	require.Equal(t, s.Root.Next(key), p.Dir)
	require.Equal(t, "third", content(t, p.Dir))
	done, err := l.Promote()
	require.NoError(t, err)
	require.False(t, done)
	require.Equal(t, "old", content(t, s.Root.Shared(key)))
}

// TestPromoteSecondOfTwo checks two processes that promote at once, which can
// happen without locks: one does it, and the other finds it done.
func TestPromoteSecondOfTwo(t *testing.T) {
	t.Parallel()
	s, l := postponed(t)
	s.Failpoint = func(step string) {
		if step == "promote" {
			require.NoError(t, os.Rename(s.Root.Next(key).Path, s.Root.Shared(key).Path))
		}
	}
	done, err := l.Promote()
	require.NoError(t, err)
	require.False(t, done)
	require.Equal(t, "new", content(t, s.Root.Shared(key)))
	require.Equal(t, []string{"old"}, retired(t, s))
}

// TestPromoteLeavesWhatIsNotWhole checks that an unsealed folder in .next is not an
// env, and does not replace a complete one.
func TestPromoteLeavesWhatIsNotWhole(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	l := lock(t, s)
	_, err := publish(l, "whole")
	require.NoError(t, err)
	next := s.Root.Next(key)
	require.NoError(t, os.MkdirAll(next.Venv(), 0o755))
	require.NoError(t, l.Recover())
	require.Equal(t, "whole", content(t, s.Root.Shared(key)))
	require.DirExists(t, next.Venv())
	require.NoError(t, l.Unlock())

	l = lock(t, s)
	published, err := publish(l, "new")
	require.NoError(t, err)
	require.Equal(t, next, published.Dir, "a new one replaces it")
	done, err := l.Promote()
	require.NoError(t, err)
	require.True(t, done)
	require.Equal(t, "new", content(t, s.Root.Shared(key)))
}
