package store

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"

	"github.com/modelrun/modelrun/execx/execxtest"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/usage"
)

// skipUnderWine skips a test that Wine cannot pass: Wine has no junctions, renames
// folders with open files, and knows only one user.
func skipUnderWine(t *testing.T) {
	t.Helper()
	if windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil {
		t.Skip("Wine cannot do this")
	}
}

// deep returns a path below dir that is longer than 300 characters.
func deep(dir string) string {
	for len(dir) < 300 {
		dir = filepath.Join(dir, strings.Repeat("d", 40))
	}
	return filepath.Join(dir, "deepest.py")
}

func putDeep(t *testing.T, d envdir.Dir, text string) {
	t.Helper()
	file := deep(d.Venv())
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte(text), 0o444))
}

// TestDeepEnv checks that all our file operations accept an env with paths longer
// than MAX_PATH and with read-only files.
func TestDeepEnv(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	l := lock(t, s)
	for _, word := range []string{"first", "second"} {
		st, err := l.Stage()
		require.NoError(t, err)
		putDeep(t, st.Dir, word)
		p, err := finishStage(st, word)
		require.NoError(t, err)
		require.Equal(t, s.Root.Shared(key), p.Dir)
		data, err := os.ReadFile(deepIn(t, p.Dir))
		require.NoError(t, err)
		require.Equal(t, word, string(data))
		require.Equal(t, word != "first", p.Retired != "")
	}
	require.Equal(t, []string{"first"}, retired(t, s))
	require.Greater(t, usage.Measure(s.Root.Shared(key).Path, nil).Bytes, int64(len("second")))
	_, err := fsys.FreeBytes(filepath.Dir(deepIn(t, s.Root.Shared(key))))
	require.NoError(t, err)
	require.NoError(t, fsys.Trusted(deepIn(t, s.Root.Shared(key)), nil))

	// A creation that was given up leaves nothing behind.
	st, err := l.Stage()
	require.NoError(t, err)
	putDeep(t, st.Dir, "given up")
	require.NoError(t, st.Discard())
	requireNoLitter(t, s)

	// In use: the third env waits in .next and is promoted afterwards.
	user, err := s.Lease(t.Context(), s.Root.Shared(key))
	require.NoError(t, err)
	st, err = l.Stage()
	require.NoError(t, err)
	putDeep(t, st.Dir, "third")
	p, err := finishStage(st, "third")
	require.NoError(t, err)
	require.Equal(t, s.Root.Next(key), p.Dir)
	user.Release()
	done, err := l.Promote()
	require.NoError(t, err)
	require.True(t, done)
	deepIn(t, s.Root.Shared(key))
	requireNoLitter(t, s)
}

// deepIn returns the deep file of an env, because renames change the length of its
// path.
func deepIn(t *testing.T, d envdir.Dir) (file string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(d.Path, func(p string, e os.DirEntry, err error) error {
		if err == nil && e.Name() == "deepest.py" {
			file = p
		}
		return err
	}))
	require.NotEmpty(t, file)
	return file
}

// held opens a file so that others cannot open, replace or remove it until it is
// closed.
func held(t *testing.T, path string) windows.Handle {
	t.Helper()
	p, err := windows.UTF16PtrFromString(path)
	require.NoError(t, err)
	h, err := windows.CreateFile(p, windows.GENERIC_READ, 0, nil, windows.OPEN_EXISTING, 0, 0)
	require.NoError(t, err)
	return h
}

// TestUsersByProgram checks that a program inside the env is found without a lease.
func TestUsersByProgram(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	d := s.Root.Shared(key)
	path := filepath.Join(d.Scripts(), "program.exe")
	require.NoError(t, execxtest.Copy(path))
	require.Empty(t, Users(d))
	p := startExe(t, exec.Command(path), s, "block")
	require.Equal(t, "running", p.Line(t))

	shouted := &Store{Root: envdir.Root(strings.ToUpper(string(s.Root)))}
	for _, s := range []*Store{s, shouted} {
		users := Users(s.Root.Shared(key))
		require.Len(t, users, 1)
		require.Equal(t, Process{p.Process.Pid, "program.exe"}, users[0])
	}
	require.Empty(t, Users(s.Root.Shared(key+"-bnb")))
	_, err := s.Exclusive(d)
	require.ErrorContains(t, err, "is in use by ")
	p.Kill(t)
	require.Eventually(t, func() bool { return len(Users(d)) == 0 }, time.Minute, 10*time.Millisecond)
}

// TestPublishOverAnOpenFile checks that the new env waits, because Windows does not
// rename a folder with an open file in it.
func TestPublishOverAnOpenFile(t *testing.T) {
	t.Parallel()
	skipUnderWine(t)
	s := newStore(t)
	l := lock(t, s)
	_, err := publish(l, "old")
	require.NoError(t, err)
	f, err := os.Open(filepath.Join(s.Root.Shared(key).Venv(), "content"))
	require.NoError(t, err)
	p, err := publish(l, "new")
	require.NoError(t, err)
	require.Equal(t, s.Root.Next(key), p.Dir)
	require.Contains(t, p.Postponed, "cannot be moved")
	require.Equal(t, "old", content(t, s.Root.Shared(key)))
	require.NoFileExists(t, s.Root.Files(key).Journal())
	require.NoError(t, f.Close())
	done, err := l.Promote()
	require.NoError(t, err)
	require.True(t, done)
	require.Equal(t, "new", content(t, s.Root.Shared(key)))
	requireNoLitter(t, s)
}

// TestMigrateOfOneHeld checks an env that is in use by a program, a prompt or an
// open file. It is not moved and stays complete, and the error says what to end.
func TestMigrateOfOneHeld(t *testing.T) {
	t.Parallel()
	const moved, open = " cannot be moved to ", "end every program that has a file of it open, then try again; or delete it: rmdir /s /q "
	for name, tt := range map[string]struct {
		hold        func(*testing.T, *Store, envdir.Dir)
		why, remedy string
	}{
		"by its own program": {func(t *testing.T, s *Store, d envdir.Dir) {
			path := filepath.Join(d.Scripts(), "program.exe")
			require.NoError(t, execxtest.Copy(path))
			require.Equal(t, "running", startExe(t, exec.Command(path), s, "block").Line(t))
		}, " is in use by ", "end those programs, then try again"},
		"by a prompt that stands in it": {func(t *testing.T, _ *Store, d envdir.Dir) {
			c := exec.CommandContext(t.Context(), os.Getenv("ComSpec"), "/d", "/k")
			c.Dir = d.Path // Wine does not look deeper
			in, err := c.StdinPipe()
			require.NoError(t, err)
			require.NoError(t, c.Start())
			t.Cleanup(func() { _, _ = in.Close(), c.Wait() })
		}, moved, open},
		"by who has a file of it open": {func(t *testing.T, _ *Store, d envdir.Dir) {
			skipUnderWine(t)
			h := held(t, filepath.Join(d.Venv(), "x.py"))
			t.Cleanup(func() { _ = windows.CloseHandle(h) })
		}, moved, open},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			d := oldEnv(t, s, oldID)
			tt.hold(t, s, d)
			_, err := s.OldEnvs().Migrate(oldID)
			require.Equal(t, fault.InUse, fault.CodeOf(err), "%v", err)
			require.ErrorContains(t, err, d.Path+tt.why)
			require.Contains(t, fault.RemedyOf(err), tt.remedy)
			require.FileExists(t, filepath.Join(d.Venv(), "x.py"))
			moved, err := s.OldEnvs().Migrated()
			require.NoError(t, err)
			require.Empty(t, moved)
		})
	}
}
