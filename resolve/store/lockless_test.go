package store

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/fsys"
)

// TestPublishBetweenTheRenamesOfAnother lets two creators replace the same broken
// env without locks and without an exchange (NFS has neither). If one acts between
// the two renames of the other, both end with a complete env.
func TestPublishBetweenTheRenamesOfAnother(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are always locks, and what is in the way of a rename is waited for")
	}
	t.Parallel()
	for _, step := range []string{"journal", "moved-old"} {
		for name, other := range map[string]func(*Store, *Stage) error{
			"who publishes": func(_ *Store, st *Stage) error {
				_, err := finishStage(st, "other")
				return err
			},
			"who is between its own": func(s *Store, _ *Stage) error {
				old, err := retiredPath(s.Root, key)
				if err == nil && fsys.Exists(s.Root.Shared(key).Path) {
					err = os.Rename(s.Root.Shared(key).Path, old)
				}
				return err
			},
			"who finds the journal": func(s *Store, _ *Stage) error { return (&Lock{store: s, key: key}).finish() },
		} {
			t.Run(name+"/"+step, func(t *testing.T) {
				t.Parallel()
				s := newStore(t)
				l := lock(t, s)
				_, err := publish(l, "broken")
				require.NoError(t, err)
				quick := &Store{Root: s.Root, swap: unsupported}
				theirs, err := (&Lock{store: quick, key: key}).Stage()
				require.NoError(t, err)
				mine, err := l.Stage()
				require.NoError(t, err)
				s.swap = unsupported
				var failed error
				s.Failpoint = func(at string) {
					if at == step {
						s.Failpoint = nil
						failed = other(quick, theirs)
					}
				}
				p, err := finishStage(mine, "mine")
				require.NoError(t, err)
				require.NoError(t, failed)
				require.Contains(t, []string{"mine", "other"}, content(t, p.Dir))
				require.Equal(t, s.Root.Shared(key), p.Dir)
				require.NoFileExists(t, s.Root.Files(key).Journal())
			})
		}
	}
}

// TestJournalStaysUntilItIsUndone checks that the journal of a failed undo stays,
// and that the next creation undoes the publish.
func TestJournalStaysUntilItIsUndone(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	l := lock(t, s)
	_, err := publish(l, "old")
	require.NoError(t, err)
	st, err := l.Stage()
	require.NoError(t, err)
	s.swap = unsupported
	olds, away := s.Root.OldEnvs(), filepath.Join(string(s.Root), "away")
	s.Failpoint = func(at string) {
		if at == "moved-old" { // both renames fail
			require.NoError(t, os.Rename(st.Dir.Path, away))
			require.NoError(t, os.Rename(olds, olds+"-away"))
		}
	}
	_, err = finishStage(st, "new")
	require.Error(t, err)
	require.NoError(t, os.Rename(away, st.Dir.Path))
	require.NoError(t, os.Rename(olds+"-away", olds))
	require.NoError(t, st.Discard(), "the creation failed")
	s.Failpoint = nil
	require.NoError(t, l.Recover())
	require.Equal(t, "old", content(t, s.Root.Shared(key)))
	require.NoFileExists(t, s.Root.Files(key).Journal())
}
