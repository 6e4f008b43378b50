package store

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/fsys/fsystest"
)

const oldID envdir.ID = "local_0123456789ab"

// oldEnv makes an env of the app.
func oldEnv(t *testing.T, s *Store, id envdir.ID) envdir.Dir {
	t.Helper()
	d := s.Root.Old(id)
	fsystest.Put(t, 100, d.Venv(), "x.py")
	return d
}

func onlyMigrated(t *testing.T, s *Store) envdir.Dir {
	t.Helper()
	all, err := s.OldEnvs().Migrated()
	require.NoError(t, err)
	require.Len(t, all, 1)
	return all[0]
}

func TestMigrateAndBack(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	d, other := oldEnv(t, s, oldID), oldEnv(t, s, "org__name")
	require.NoError(t, s.OldEnvs().Movable(d))
	require.NoDirExists(t, s.Root.Envs(), "looking changes nothing")
	to, err := s.OldEnvs().Migrate(oldID)
	require.NoError(t, err)
	require.NoDirExists(t, d.Path)
	require.FileExists(t, filepath.Join(to, ".venv", "x.py"))
	require.DirExists(t, other.Path)
	moved := onlyMigrated(t, s)
	require.Equal(t, envdir.Dir{Kind: envdir.Old, Name: string(oldID), Path: to}, moved)
	_, err = s.OldEnvs().Migrate(oldID)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, s.OldEnvs().Restorable(moved))
	require.NoError(t, s.OldEnvs().Restore(moved))
	require.FileExists(t, filepath.Join(d.Venv(), "x.py"))
	require.NoDirExists(t, to)
	require.Error(t, s.OldEnvs().Restore(moved), "it is not there any more")
}

// TestRestoreTakesNoPlace checks that Restore does not replace a new folder of that
// id, and changes neither of the two.
func TestRestoreTakesNoPlace(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	oldEnv(t, s, oldID)
	_, err := s.OldEnvs().Migrate(oldID)
	require.NoError(t, err)
	moved := onlyMigrated(t, s)
	again := fsystest.Put(t, 7, s.Root.Old(oldID).Venv(), "y.py")
	err = s.OldEnvs().Restore(moved)
	require.Equal(t, fault.InUse, fault.CodeOf(err))
	require.ErrorContains(t, err, "is there again")
	require.FileExists(t, again)
	require.FileExists(t, filepath.Join(moved.Venv(), "x.py"))
	// The same for a folder that appeared a moment ago.
	require.ErrorIs(t, fsys.RenameNew(moved.Path, s.Root.Old(oldID).Path), os.ErrExist)
}

func TestMigrateOfOneInUse(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(*testing.T, *Store, envdir.Dir){
		"by its lease": func(t *testing.T, s *Store, d envdir.Dir) {
			l, err := s.Lease(t.Context(), d)
			require.NoError(t, err)
			t.Cleanup(l.Release)
		},
		"by what it runs": func(t *testing.T, s *Store, d envdir.Dir) {
			if runtime.GOOS != "linux" {
				t.Skip("there is no /proc")
			}
			p := start(t, s, "block", "VIRTUAL_ENV="+d.Venv())
			require.Equal(t, "running", p.Line(t))
			require.ErrorContains(t, s.OldEnvs().Movable(d), " is in use by ")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			d := oldEnv(t, s, oldID)
			use(t, s, d)
			require.Equal(t, fault.InUse, fault.CodeOf(s.OldEnvs().Movable(d)))
			_, err := s.OldEnvs().Migrate(oldID)
			require.Equal(t, fault.InUse, fault.CodeOf(err))
			require.NotEmpty(t, fault.RemedyOf(err))
			require.FileExists(t, filepath.Join(d.Venv(), "x.py"))
		})
	}
}

// TestRestoreOfOneInUse checks that a migrated env stays where it is while a
// program runs in it by its path.
func TestRestoreOfOneInUse(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc")
	}
	s := newStore(t)
	oldEnv(t, s, oldID)
	_, err := s.OldEnvs().Migrate(oldID)
	require.NoError(t, err)
	moved := onlyMigrated(t, s)
	p := start(t, s, "block", "VIRTUAL_ENV="+moved.Venv())
	require.Equal(t, "running", p.Line(t))
	require.Equal(t, fault.InUse, fault.CodeOf(s.OldEnvs().Restorable(moved)))
	require.ErrorContains(t, s.OldEnvs().Restore(moved), " is in use by ")
	require.FileExists(t, filepath.Join(moved.Venv(), "x.py"))
}

// TestMigrateKeepsStartsOut checks that no program starts in an env while it is
// moved: it waits, and then does not find the env.
func TestMigrateKeepsStartsOut(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	d := oldEnv(t, s, oldID)
	tried := false
	s.Failpoint = func(step string) {
		if step != "migrate-alone" {
			return
		}
		tried = true
		f, err := openLease(s.Root, d, os.O_RDONLY)
		require.NoError(t, err)
		defer f.Close()
		require.ErrorIs(t, fsys.LockFile(f, false), fsys.ErrHeld)
	}
	_, err := s.OldEnvs().Migrate(oldID)
	require.NoError(t, err)
	require.True(t, tried)
	l, err := s.Lease(t.Context(), d)
	require.NoError(t, err)
	l.Release()
}

// TestMigrateThroughNoLink checks links that a user made: nothing is moved through
// them or created behind them.
func TestMigrateThroughNoLink(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]func(*Store) string{
		"the env":        func(s *Store) string { return s.Root.Old(oldID).Path },
		"all old envs":   func(s *Store) string { return s.Root.Environments() },
		"what is behind": func(s *Store) string { return s.Root.OldEnvs() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			d := oldEnv(t, s, oldID)
			at, away := path(s), filepath.Join(t.TempDir(), "away")
			require.NoError(t, os.MkdirAll(filepath.Dir(at), 0o755))
			if os.Rename(at, away) != nil {
				require.NoError(t, os.Mkdir(away, 0o755))
			}
			if err := os.Symlink(away, at); err != nil {
				t.Skip("links are not allowed here: ", err)
			}
			if _, err := os.Lstat(at); err != nil {
				t.Skip("Wine makes no symbolic links, and says that it did")
			}
			require.Equal(t, fault.BadRoot, fault.CodeOf(s.OldEnvs().Movable(d)))
			_, err := s.OldEnvs().Migrate(oldID)
			require.Equal(t, fault.BadRoot, fault.CodeOf(err))
			require.ErrorContains(t, err, at+" is not a folder of its own")
			require.FileExists(t, filepath.Join(d.Venv(), "x.py"))
			require.NoDirExists(t, s.Root.Locks())
		})
	}
}

// TestMigratedOrReplaced checks that a replaced env is not taken for an old env,
// whatever its name is.
func TestMigratedOrReplaced(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		stem         string
		sealed, lock bool
		want         bool
	}{
		"an id of a path":            {stem: string(oldID), want: true},
		"after a prune":              {stem: string(oldID), lock: true, want: true},
		"an id of the hub":           {stem: "Org__Name-7B", want: true},
		"a model of the first days":  {stem: "gpt2", want: true},
		"a key":                      {stem: "gpt2", lock: true},
		"with a copied seal":         {stem: string(oldID), sealed: true, want: true},
		"of the hub, with a seal":    {stem: "Org__Name-7B", sealed: true, want: true},
		"a shared env of such a key": {stem: string(oldID), sealed: true, lock: true},
		"sealed":                     {stem: string(key), sealed: true},
		"an env of the app, by key":  {stem: string(key), lock: true},
		"nobody's":                   {stem: "a name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			d := envdir.Dir{Path: s.Root.Retired(tt.stem, "01234567")}
			fsystest.Put(t, 1, d.Venv(), "x.py")
			if tt.sealed {
				fsystest.Put(t, 1, d.Ready())
			}
			if tt.lock {
				fsystest.Put(t, 0, s.Root.Files(envdir.Key(tt.stem)).Lock())
			}
			all, err := s.OldEnvs().Migrated()
			require.NoError(t, err)
			require.Equal(t, tt.want, len(all) == 1)
		})
	}
}

// roleMigrate moves an old env to .old and back, and dies at a step.
func roleMigrate(s *Store, step string) error {
	dieAt(s, step)
	if _, err := s.OldEnvs().Migrate(oldID); err != nil {
		return err
	}
	all, err := s.OldEnvs().Migrated()
	if err != nil {
		return err
	}
	return s.OldEnvs().Restore(all[0])
}

// TestMigrateKilled checks a kill of migrate at each step: the env is complete in
// one of its two places, and the work can continue.
func TestMigrateKilled(t *testing.T) {
	t.Parallel()
	for step, home := range map[string]bool{"migrate-alone": true, "migrate-moved": false, "migrate-undo": false, "migrate-undone": true} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			d := oldEnv(t, s, oldID)
			p := start(t, s, "migrate:"+step)
			require.Empty(t, p.Line(t))
			require.Error(t, p.Wait(), "it was killed at this step")
			all, err := s.OldEnvs().Migrated()
			require.NoError(t, err)
			require.Equal(t, home, fsys.Exists(d.Path))
			require.Equal(t, home, len(all) == 0)
			if !home {
				require.NoError(t, s.OldEnvs().Restore(all[0]))
			}
			require.FileExists(t, filepath.Join(d.Venv(), "x.py"))
			to, err := s.OldEnvs().Migrate(oldID)
			require.NoError(t, err)
			require.FileExists(t, filepath.Join(to, ".venv", "x.py"))
			entries, err := os.ReadDir(s.Root.Envs())
			require.NoError(t, err)
			require.Len(t, entries, 2, ".locks and .old")
		})
	}
}

// TestMigrateOnlyWhatCanComeBack checks that an env that could not be moved back is
// not moved.
func TestMigrateOnlyWhatCanComeBack(t *testing.T) {
	t.Parallel()
	for id, other := range map[envdir.ID]func(*Store, envdir.Dir) string{
		"gpt2": func(s *Store, _ envdir.Dir) string { return s.Root.Files("gpt2").Lock() },
		"gpt3": func(_ *Store, d envdir.Dir) string { return d.Ready() },
	} {
		s := newStore(t)
		d := oldEnv(t, s, id)
		require.NoError(t, s.OldEnvs().Movable(d))
		fsystest.Put(t, 1, other(s, d))
		require.ErrorContains(t, s.OldEnvs().Movable(d), "could not be moved back")
	}
	s := newStore(t)
	fsystest.Put(t, 1, oldEnv(t, s, oldID).Ready())
	_, err := s.OldEnvs().Migrate(oldID)
	require.NoError(t, err)
	require.NoError(t, s.OldEnvs().Restore(onlyMigrated(t, s)))
}

// TestMigratedWhereAFileLies checks a file in place of .old. It belongs to a user,
// and is not an error.
func TestMigratedWhereAFileLies(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	fsystest.Put(t, 1, s.Root.OldEnvs())
	_, err := s.OldEnvs().Migrated()
	if runtime.GOOS != "windows" { // Windows reports "not found"
		require.Equal(t, fault.BadRoot, fault.CodeOf(err))
	}
}
