package store

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/fsys/fsystest"
)

func unsupported(string, string) error { return errors.ErrUnsupported }

func fails(e error) func(string, string) error {
	return func(a, b string) error { return &os.LinkError{Op: "rename", Old: a, New: b, Err: e} }
}

func putFailure(t *testing.T, s *Store, f Failure) {
	t.Helper()
	data, err := json.Marshal(f)
	require.NoError(t, err)
	require.NoError(t, fsys.WriteFile(s.Root.Files(key).Failure(), data))
}

func TestPublish(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		old               bool // an env exists
		how               func(a, b string) error
		shared, next, dot string // the content afterwards
	}{
		"fresh":                      {shared: "new"},
		"exchanged":                  {old: true, shared: "new", dot: "old"},
		"in two steps":               {old: true, how: unsupported, shared: "new", dot: "old"},
		"overlayfs":                  {old: true, how: fails(syscall.EXDEV), shared: "old", next: "new"},
		"a mount point":              {old: true, how: fails(syscall.EBUSY), shared: "old", next: "new"},
		"another user's env":         {old: true, how: fails(denied), shared: "old", next: "new"},
		"fresh, without an exchange": {how: unsupported, shared: "new"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "overlayfs" || name == "a mount point" {
				fsystest.SkipOnWindows(t)
			}
			s := newStore(t)
			l := lock(t, s)
			if tt.old {
				_, err := publish(l, "old")
				require.NoError(t, err)
			}
			s.swap = tt.how
			p, err := publish(l, "new")
			require.NoError(t, err)
			require.Equal(t, "new", content(t, p.Dir))
			require.Equal(t, tt.shared, content(t, s.Root.Shared(key)))
			require.Equal(t, tt.next, content(t, s.Root.Next(key)))
			require.Equal(t, tt.next != "", p.Postponed != "")
			require.Equal(t, tt.dot != "", p.Retired != "")
			if tt.dot != "" {
				require.Equal(t, []string{tt.dot}, retired(t, s))
			}
			require.NoFileExists(t, s.Root.Files(key).Journal())
			requireNoLitter(t, s)
		})
	}
}

func TestPublishWhileInUse(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	l := lock(t, s)
	_, err := publish(l, "old")
	require.NoError(t, err)
	user, err := s.Lease(t.Context(), s.Root.Shared(key))
	require.NoError(t, err)
	require.NotNil(t, user)

	for _, word := range []string{"second", "third"} {
		p, err := publish(l, word)
		require.NoError(t, err)
		require.Equal(t, s.Root.Next(key), p.Dir)
		require.NotEmpty(t, p.Postponed)
	}
	require.Equal(t, "old", content(t, s.Root.Shared(key)))
	require.Equal(t, "third", content(t, s.Root.Next(key)))
	require.Equal(t, []string{"second"}, retired(t, s), "programs may run in what waited: it is kept")

	done, err := l.Promote()
	require.NoError(t, err)
	require.False(t, done, "somebody is in the way")
	user.Release()
	// A child that another test starts at this moment holds a copy of the lease until
	// it execs.
	require.Eventually(t, func() bool {
		done, err := l.Promote()
		return err == nil && done
	}, time.Minute, time.Millisecond)
	require.Equal(t, "third", content(t, s.Root.Shared(key)))
	require.Empty(t, content(t, s.Root.Next(key)))
	require.ElementsMatch(t, []string{"second", "old"}, retired(t, s))
	requireNoLitter(t, s)
}

// TestPromoteLeavesWhatIsUsed checks that a program that runs in .next keeps its
// folder, even if no env is published.
func TestPromoteLeavesWhatIsUsed(t *testing.T) {
	t.Parallel()
	s, l := postponed(t)
	require.NoError(t, os.RemoveAll(s.Root.Shared(key).Path))
	user, err := s.Lease(t.Context(), s.Root.Next(key))
	require.NoError(t, err)
	done, err := l.Promote()
	require.NoError(t, err)
	require.False(t, done)
	require.Equal(t, "new", content(t, s.Root.Next(key)))
	user.Release()
	require.Eventually(t, func() bool { // as in TestPublishWhileInUse
		done, err := l.Promote()
		return err == nil && done
	}, time.Minute, time.Millisecond)
	require.Equal(t, "new", content(t, s.Root.Shared(key)))
}

// postponed creates a root in which a new env waits because the old one cannot be
// moved.
func postponed(t *testing.T) (*Store, *Lock) {
	t.Helper()
	s := newStore(t)
	l := lock(t, s)
	_, err := publish(l, "old")
	require.NoError(t, err)
	s.swap = fails(denied)
	_, err = publish(l, "new")
	require.NoError(t, err)
	require.Equal(t, "new", content(t, s.Root.Next(key)))
	return s, l
}

// TestPublishSecondOfTwo checks two creators that build the same key, which can
// happen without working locks.
func TestPublishSecondOfTwo(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]bool{"nothing was there": false, "both replace a broken one": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			l := lock(t, s)
			if before {
				_, err := publish(l, "broken")
				require.NoError(t, err)
			}
			slow, err := l.Stage()
			require.NoError(t, err)
			_, err = publish(l, "first")
			require.NoError(t, err)
			p, err := finishStage(slow, "second")
			require.NoError(t, err)
			require.True(t, p.Existing)
			require.Equal(t, "first", content(t, p.Dir))
			require.Equal(t, s.Root.Shared(key), p.Dir)
			require.NoError(t, slow.Discard(), "does nothing now")
		})
	}
}

func TestDiscard(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	l := lock(t, s)
	st, err := l.Stage()
	require.NoError(t, err)
	k, _, ok := envdir.ParseStaging(filepath.Base(st.Dir.Path))
	require.True(t, ok)
	require.Equal(t, key, k)
	require.NoError(t, st.Discard())
	require.NoDirExists(t, st.Dir.Path)
	s.EmptyTrash()
	requireNoLitter(t, s)
}

// TestDeathAtEachStep kills a creation at each step. That leaves a complete env,
// the old or the new one, and a root in which the next creation succeeds. The test
// fails for a step without a row.
func TestDeathAtEachStep(t *testing.T) {
	t.Parallel()
	for step, want := range map[string]string{ // the value after the next Recover
		"one-durable": "old", "one-seal": "old", "one-publish": "old", "one-exchanged": "new", "one-published": "new",
		"two-journal": "old", "two-moved-old": "new", "two-moved-new": "new", "two-published": "new",
		"fresh-durable": "", "fresh-seal": "", "fresh-publish": "", "fresh-published": "new",
	} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			if step == "one-exchanged" {
				fsystest.SkipOnWindows(t)
			}
			s := newStore(t)
			role := "publish:" + step
			if step[:4] == "fres" {
				role = "publish:one-" + step[len("fresh-"):]
			} else {
				l := lock(t, s)
				_, err := publish(l, "old")
				require.NoError(t, err)
				require.NoError(t, l.Unlock())
			}
			p := start(t, s, role)
			require.Error(t, p.Wait(), "it dies")
			content(t, s.Root.Shared(key)) // complete or absent, at this moment too

			l := lock(t, s)
			require.NoError(t, l.Recover())
			require.Equal(t, want, content(t, s.Root.Shared(key)))
			requireNoLitter(t, s)
			require.NoFileExists(t, s.Root.Files(key).Journal())
			_, err := publish(l, "again")
			require.NoError(t, err)
			require.Equal(t, "again", content(t, s.Root.Shared(key)))
		})
	}
}

func TestDeathWhilePromoting(t *testing.T) {
	t.Parallel()
	s, l := postponed(t)
	require.NoError(t, l.Unlock())
	require.Error(t, start(t, s, "promote:one-promote").Wait())
	require.Equal(t, "new", content(t, s.Root.Next(key)), "it is used until somebody ends this")
	s.swap = nil
	require.NoError(t, lock(t, s).Recover())
	require.Equal(t, "new", content(t, s.Root.Shared(key)))
	require.Empty(t, content(t, s.Root.Next(key)), "the old one must never wait to come back")
	require.Equal(t, []string{"old"}, retired(t, s))
	requireNoLitter(t, s)
}

// TestDeathWhilePostponing kills a creation while an env in .next is replaced. That
// leaves a complete env there, because the published one may be broken. Programs
// may run in the older env, so it is in .old and not in staging, where the next
// creation would delete it.
func TestDeathWhilePostponing(t *testing.T) {
	t.Parallel()
	for step, next := range map[string]string{"one-postpone": "waits", "one-journal": "waits", "one-moved-old": "new", "one-moved-new": "new", "one-published": "new"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			l := lock(t, s)
			_, err := publish(l, "old")
			require.NoError(t, err)
			user := start(t, s, "lease")
			require.Equal(t, "running", user.Line(t))
			_, err = publish(l, "waits")
			require.NoError(t, err)
			require.NoError(t, l.Unlock())
			require.Error(t, start(t, s, "publish:"+step).Wait())
			require.NoError(t, lock(t, s).Recover())
			require.Equal(t, "old", content(t, s.Root.Shared(key)))
			require.Equal(t, next, content(t, s.Root.Next(key)))
			if next != "waits" {
				require.Equal(t, []string{"waits"}, retired(t, s))
			}
			requireNoLitter(t, s)
		})
	}
}

func TestRecoverSweepsItsOwnKeyOnly(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	mine, other := s.Root.Staging(key, "0123abcd").Path, s.Root.Staging(key+"-bnb", "0123abcd").Path
	for _, dir := range []string{mine, other} {
		require.NoError(t, os.MkdirAll(dir, 0o755))
	}
	l := lock(t, s)
	l.lockless = true
	require.NoError(t, l.Recover())
	require.DirExists(t, mine, "without locks somebody may be working in it")
	past := time.Now().Add(-25 * time.Hour)
	require.NoError(t, os.Chtimes(mine, past, past))
	require.NoError(t, l.Recover())
	require.NoDirExists(t, mine)
	require.DirExists(t, other)
}

func TestJournalReachesNothingOutside(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	outside := filepath.Join(string(s.Root), "precious")
	require.NoError(t, os.Mkdir(outside, 0o755))
	for _, data := range []string{`{"schema":1,"new":"../precious","old":".old/x"}`, `{"schema":1,"new":"`, `{}`, ``} {
		l := lock(t, s)
		require.NoError(t, os.WriteFile(s.Root.Files(key).Journal(), []byte(data), 0o644))
		require.NoError(t, l.Recover())
		require.NoFileExists(t, s.Root.Files(key).Journal())
		require.DirExists(t, outside)
		require.Empty(t, content(t, s.Root.Shared(key)))
		require.NoError(t, l.Unlock())
	}
}

// requireNoLitter checks that .tmp is empty after EmptyTrash.
func requireNoLitter(t *testing.T, s *Store) {
	t.Helper()
	s.EmptyTrash()
	entries, err := os.ReadDir(s.Root.Tmp())
	require.NoError(t, err)
	require.Empty(t, entries)
}
