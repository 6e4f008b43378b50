package store

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// TestJournalOfAnother checks that a journal may name only folders that a publish
// of its key uses.
func TestJournalOfAnother(t *testing.T) {
	t.Parallel()
	for name, j := range map[string]journal{
		"absolute":         {1, "/tmp", "/tmp", false},
		"all of .envs":     {1, ".", ".", false},
		"the locks":        {1, ".locks", ".locks", false},
		"another env":      {1, "other", "other", false},
		"another key":      {1, ".tmp/other-0123abcd", ".old/other-0123abcd", false},
		"another's next":   {1, ".next/other", ".old/other-0123abcd", false},
		"out and in again": {1, ".tmp/../other", ".old/" + string(key) + "-0123abcd", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			kept := []string{s.Root.Shared("other").Path, s.Root.Staging("other", "0123abcd").Path, s.Root.Next("other").Path, s.Root.Retired("other", "0123abcd")}
			for _, dir := range kept {
				require.NoError(t, os.MkdirAll(dir, 0o755))
			}
			data, err := json.Marshal(j)
			require.NoError(t, err)
			require.NoError(t, fsys.WriteFile(s.Root.Files(key).Journal(), data))
			require.NoError(t, lock(t, s).Recover())
			for _, dir := range append(kept, s.Root.Locks()) {
				require.DirExists(t, dir)
			}
			require.NoDirExists(t, s.Root.Shared(key).Path)
			require.NoFileExists(t, s.Root.Files(key).Journal())
		})
	}
}

// cutOff leaves a publish in two steps as if a crash had happened between its
// renames: the old env is in .old, and the journal names it.
func cutOff(t *testing.T, s *Store, l *Lock) {
	t.Helper()
	_, err := publish(l, "old")
	require.NoError(t, err)
	old := s.Root.Retired(string(key), "0123abcd")
	require.NoError(t, os.MkdirAll(filepath.Dir(old), 0o755))
	require.NoError(t, os.Rename(s.Root.Shared(key).Path, old))
	data, err := json.Marshal(journal{Schema: 1, New: ".tmp/" + string(key) + "-89abcdef", Old: ".old/" + filepath.Base(old)})
	require.NoError(t, err)
	require.NoError(t, fsys.WriteFile(s.Root.Files(key).Journal(), data))
}

func TestJournalUndone(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	l := lock(t, s)
	cutOff(t, s, l)
	require.NoError(t, l.Recover(), "the new one is lost, the old one is not")
	require.Equal(t, "old", content(t, s.Root.Shared(key)))
	require.NoFileExists(t, s.Root.Files(key).Journal())
}

// TestLogOfNowStays lets the clock go back, so that the log of this creation looks
// like the oldest.
func TestLogOfNowStays(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	require.NoError(t, os.MkdirAll(s.Root.Logs(), 0o755))
	for i := range 15 {
		require.NoError(t, os.WriteFile(s.Root.Files(key).Log(time.Now().AddDate(1, i, 0)), nil, 0o600))
	}
	l, err := s.NewLog(key)
	require.NoError(t, err)
	defer l.Close()
	require.FileExists(t, l.Name())
	entries, err := os.ReadDir(s.Root.Logs())
	require.NoError(t, err)
	require.Len(t, entries, keptLogs)
}

// TestBusyTouchesNothing checks that reading changes nothing, even if nothing was
// ever created.
func TestBusyTouchesNothing(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	busy, err := s.Creation(key).Busy()
	require.NoError(t, err)
	require.False(t, busy)
	entries, err := os.ReadDir(string(s.Root))
	require.NoError(t, err)
	require.Empty(t, entries)
}

// TestLogsOfOneSecond checks that two creations that start in the same second do
// not share a log.
func TestLogsOfOneSecond(t *testing.T) {
	t.Parallel()
	s := &Store{Root: envdir.Root(t.TempDir())}
	names := map[string]bool{}
	for range 3 {
		l, err := s.NewLog("k")
		require.NoError(t, err)
		names[l.Name()] = true
		require.NoError(t, l.Close())
	}
	require.Len(t, names, 3)
}

// TestRecoverSweepsTemporaryFiles checks that old temporary files of a killed
// writer are removed, but no file of a user.
func TestRecoverSweepsTemporaryFiles(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	l := lock(t, s)
	past := time.Now().Add(-25 * time.Hour)
	var gone, stay []string
	for _, dir := range []string{s.Root.Locks(), s.Root.Logs(), filepath.Dir(s.Root.Files(key).Constraints())} {
		for name, old := range map[string]bool{".write-0123abcd": true, "." + string(key) + ".txt-0123abcd": true, ".new-0123abcd": false, ".gitkeep": true, "notes-0123abcd": true} {
			file := filepath.Join(dir, name)
			require.NoError(t, fsys.WriteFile(file, nil))
			if old {
				require.NoError(t, os.Chtimes(file, past, past))
			}
			if old && name[0] == '.' && name != ".gitkeep" {
				gone = append(gone, file)
			} else {
				stay = append(stay, file)
			}
		}
	}
	for name, file := range map[string]string{"..old-0123abcd": "", "..full-0123abcd": "a user's"} { // fsys.MkdirLike leaves empty ones
		dir := filepath.Join(s.Root.Envs(), name)
		require.NoError(t, os.Mkdir(dir, 0o755))
		if file == "" {
			gone = append(gone, dir)
		} else {
			require.NoError(t, fsys.WriteFile(filepath.Join(dir, file), nil))
			stay = append(stay, dir)
		}
		require.NoError(t, os.Chtimes(dir, past, past))
	}
	require.NoError(t, os.MkdirAll(s.Root.Tmp(), 0o755))
	require.NoError(t, l.Recover())
	for _, path := range gone {
		require.False(t, fsys.Exists(path), path)
	}
	for _, path := range stay {
		require.True(t, fsys.Exists(path), path)
	}
}
