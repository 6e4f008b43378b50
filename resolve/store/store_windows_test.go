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
)

// Wine has no junctions, lets a folder with an open file be renamed and knows
// one user only.
func skipUnderWine(t *testing.T) {
	t.Helper()
	if windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil {
		t.Skip("Wine cannot do this")
	}
}

// deep is a file below dir whose name is longer than 300 characters.
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

// All file work of ours takes an env whose names are longer than MAX_PATH, with
// read-only files in it.
func TestDeepEnv(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	l := lock(t, s)
	for _, word := range []string{"first", "second"} {
		st, err := s.Stage(l)
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
	require.Greater(t, Measure(s.Root.Shared(key).Path, nil).Bytes, int64(len("second")))
	_, err := FreeBytes(filepath.Dir(deepIn(t, s.Root.Shared(key))))
	require.NoError(t, err)
	require.NoError(t, Trusted(deepIn(t, s.Root.Shared(key)), nil))

	// A creation that was given up leaves nothing.
	st, err := s.Stage(l)
	require.NoError(t, err)
	putDeep(t, st.Dir, "given up")
	require.NoError(t, st.Discard())
	requireNoLitter(t, s)

	// In use: the third one waits in .next and moves in afterwards.
	user, err := s.Lease(t.Context(), s.Root.Shared(key))
	require.NoError(t, err)
	st, err = s.Stage(l)
	require.NoError(t, err)
	putDeep(t, st.Dir, "third")
	p, err := finishStage(st, "third")
	require.NoError(t, err)
	require.Equal(t, s.Root.Next(key), p.Dir)
	user.Release()
	done, err := s.Promote(l)
	require.NoError(t, err)
	require.True(t, done)
	deepIn(t, s.Root.Shared(key))
	requireNoLitter(t, s)
}

// deepIn finds the deep file of an env: renames change the length of its name.
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

func TestRemoveAllTakesReadOnlyFiles(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "pack")
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "x.pack"), nil, 0o444))
	require.NoError(t, os.Chmod(dir, 0o555))
	require.NoError(t, removeAll(dir))
	require.NoDirExists(t, dir)
	require.NoError(t, removeAll(dir), "nothing to do")
}

// held is a file that nobody can open, replace or remove until it is closed.
func held(t *testing.T, path string) windows.Handle {
	t.Helper()
	p, err := windows.UTF16PtrFromString(path)
	require.NoError(t, err)
	h, err := windows.CreateFile(p, windows.GENERIC_READ, 0, nil, windows.OPEN_EXISTING, 0, 0)
	require.NoError(t, err)
	return h
}

// An antivirus holds a new file for a moment: whatever we do to it waits.
func TestWaitsForWhatHoldsAFile(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(path string) error{
		"remove":  removeAll,
		"rename":  func(path string) error { return rename(path, path+"-new") },
		"replace": func(path string) error { return WriteFile(path, []byte("new")) },
		"read":    func(path string) error { _, err := ReadFile(path, maxState); return err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "file")
			require.NoError(t, os.WriteFile(path, []byte("old"), 0o644))
			h := held(t, path)
			tried := 0
			err := patiently(160*time.Millisecond, func() error {
				if tried++; tried == 3 {
					require.NoError(t, windows.CloseHandle(h))
				}
				if tried < 3 {
					return os.Remove(path) // each is refused as Windows refuses
				}
				return nil
			})
			require.NoError(t, err)
			require.Equal(t, 3, tried)

			h = held(t, path)
			done := make(chan error)
			go func() { done <- do(path) }()
			time.AfterFunc(50*time.Millisecond, func() { _ = windows.CloseHandle(h) })
			require.NoError(t, <-done)
		})
	}
}

// What stays held is an error in the end, and the file stays.
func TestGivesUpOnWhatStaysHeld(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, nil, 0o644))
	h := held(t, path)
	require.ErrorIs(t, removeAll(path), windows.ERROR_SHARING_VIOLATION)
	_, err := ReadFile(path, maxState)
	require.ErrorIs(t, err, windows.ERROR_SHARING_VIOLATION)
	require.NoError(t, windows.CloseHandle(h))
	require.FileExists(t, path)
	require.ErrorIs(t, rename(path+"-none", path), os.ErrNotExist)
}

// A program that lies in the env is found without a lease.
func TestUsersByProgram(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	d := s.Root.Shared(key)
	path := filepath.Join(d.Scripts(), "program.exe")
	require.NoError(t, execxtest.Copy(path))
	require.Empty(t, s.Users(d))
	p := startExe(t, exec.Command(path), s, "block")
	require.Equal(t, "running", p.line(t))

	shouted := &Store{Root: envdir.Root(strings.ToUpper(string(s.Root)))}
	for _, s := range []*Store{s, shouted} {
		users := s.Users(s.Root.Shared(key))
		require.Len(t, users, 1)
		require.Equal(t, Process{p.Process.Pid, "program.exe"}, users[0])
	}
	require.Empty(t, s.Users(s.Root.Shared(key+"-bnb")))
	_, err := s.Exclusive(d)
	require.ErrorContains(t, err, "is in use by ")
	p.kill(t)
	require.Eventually(t, func() bool { return len(s.Users(d)) == 0 }, time.Minute, 10*time.Millisecond)
}

// A file with two names counts once.
func TestSizeCountsLinksOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a"), make([]byte, 1000), 0o644))
	require.NoError(t, os.Link(filepath.Join(dir, "a"), filepath.Join(dir, "b")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "c"), make([]byte, 10), 0o644))
	require.EqualValues(t, 1010, Measure(dir, nil).Bytes)
}

func TestTrustedIsOurs(t *testing.T) {
	t.Parallel()
	require.NoError(t, Trusted(t.TempDir(), nil))
	require.ErrorIs(t, Trusted(filepath.Join(t.TempDir(), "none"), nil), os.ErrNotExist)
	system, err := windows.GetSystemDirectory()
	require.NoError(t, err)
	require.NoError(t, Trusted(system, nil), "TrustedInstaller's or an administrator's")
}

func TestAccountOf(t *testing.T) {
	t.Parallel()
	for sid, want := range map[string]bool{
		"S-1-5-18":     false, // LocalSystem
		"S-1-5-32-544": false, // Administrators
		"S-1-1-0":      false, // Everyone: what a disk without owners says
		"S-1-5-21-1111111111-2222222222-3333333333-1001": false, // of another machine
	} {
		s, err := windows.StringToSid(sid)
		require.NoError(t, err)
		_, user := accountOf(s)
		require.Equal(t, want, user, sid)
	}
	me, err := windows.GetCurrentProcessToken().GetTokenUser()
	require.NoError(t, err)
	_, user := accountOf(me.User.Sid)
	require.True(t, user)
}

func TestTrustedOwnerByName(t *testing.T) {
	t.Parallel()
	for _, owner := range []string{"bob", `pc\BOB`, "S-1-5-21-1-2-3-1001"} {
		require.True(t, trustedOwner(`PC\bob`, "S-1-5-21-1-2-3-1001", []string{"other", owner}), owner)
	}
	require.False(t, trustedOwner(`PC\bob`, "S-1-5-21-1-2-3-1001", []string{"", "bo", `OTHER\bob`}))
}

// DefaultAccount is a user that every Windows has and nobody is.
func TestTrustedRefusesAnotherUser(t *testing.T) {
	t.Parallel()
	skipUnderWine(t)
	dir := filepath.Join(t.TempDir(), "root")
	require.NoError(t, os.Mkdir(dir, 0o755))
	if out, err := exec.Command("icacls.exe", dir, "/setowner", "DefaultAccount").CombinedOutput(); err != nil {
		t.Skipf("needs an administrator: %s", out)
	}
	err := Trusted(dir, nil)
	require.Equal(t, fault.Untrusted, fault.CodeOf(err))
	require.ErrorContains(t, err, "DefaultAccount")
	require.Contains(t, fault.RemedyOf(err), "trusted_owners")
	require.NoError(t, Trusted(dir, []string{"defaultaccount"}))
}

func TestNoOwners(t *testing.T) {
	t.Parallel()
	require.True(t, noOwners(windows.ERROR_NOT_SUPPORTED), "a disk without owners")
	require.True(t, noOwners(windows.ERROR_INVALID_FUNCTION), "as above")
	require.False(t, noOwners(windows.ERROR_ACCESS_DENIED))
	require.False(t, noOwners(nil))
}

// What says nothing of its owner may be anybody's.
func TestTrustedRefusesAnUnreadableOwner(t *testing.T) {
	t.Parallel()
	skipUnderWine(t)
	dir := filepath.Join(t.TempDir(), "root")
	require.NoError(t, os.Mkdir(dir, 0o755))
	// The rights that an owner has without being given them, less reading who it is.
	out, err := exec.Command("icacls.exe", dir, "/deny", "*S-1-3-4:(RC)").CombinedOutput()
	require.NoError(t, err, string(out))
	err = Trusted(dir, nil)
	require.Equal(t, fault.Untrusted, fault.CodeOf(err))
	require.ErrorIs(t, err, windows.ERROR_ACCESS_DENIED)
	require.Contains(t, fault.RemedyOf(err), "modelrun --root DIR")
}

func TestRemoveAllLeavesWhatAJunctionLeadsTo(t *testing.T) {
	t.Parallel()
	skipUnderWine(t)
	outside, dir := t.TempDir(), filepath.Join(t.TempDir(), "env")
	canary := filepath.Join(outside, "canary")
	require.NoError(t, os.WriteFile(canary, nil, 0o444))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "sub"), 0o755))
	link := filepath.Join(dir, "sub", "link")
	out, err := exec.Command("cmd.exe", "/c", "mklink", "/J", link, outside).CombinedOutput()
	require.NoError(t, err, string(out))
	require.FileExists(t, filepath.Join(link, "canary"))
	require.NoError(t, removeAll(dir))
	require.NoDirExists(t, dir)
	require.FileExists(t, canary)
}

// Windows renames no folder in which a file is open: the new env waits.
func TestPublishOverAnOpenFile(t *testing.T) {
	t.Parallel()
	skipUnderWine(t)
	s := newStore(t)
	l := lock(t, s)
	_, err := publish(s, l, "old")
	require.NoError(t, err)
	f, err := os.Open(filepath.Join(s.Root.Shared(key).Venv(), "content"))
	require.NoError(t, err)
	p, err := publish(s, l, "new")
	require.NoError(t, err)
	require.Equal(t, s.Root.Next(key), p.Dir)
	require.Contains(t, p.Postponed, "cannot be moved")
	require.Equal(t, "old", content(t, s.Root.Shared(key)))
	require.NoFileExists(t, s.Root.Journal(key))
	require.NoError(t, f.Close())
	done, err := s.Promote(l)
	require.NoError(t, err)
	require.True(t, done)
	require.Equal(t, "new", content(t, s.Root.Shared(key)))
	requireNoLitter(t, s)
}

// What somebody runs, stands in or has open is not moved: it stays whole, and
// the sentence says what to end.
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
			require.Equal(t, "running", startExe(t, exec.Command(path), s, "block").line(t))
		}, " is in use by ", "end those programs, then try again"},
		"by a prompt that stands in it": {func(t *testing.T, _ *Store, d envdir.Dir) {
			c := exec.CommandContext(t.Context(), os.Getenv("ComSpec"), "/d", "/k")
			c.Dir = d.Path // Wine looks no deeper
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
			_, err := s.Migrate(oldID)
			require.Equal(t, fault.InUse, fault.CodeOf(err), "%v", err)
			require.ErrorContains(t, err, d.Path+tt.why)
			require.Contains(t, fault.RemedyOf(err), tt.remedy)
			require.FileExists(t, filepath.Join(d.Venv(), "x.py"))
			moved, err := s.Migrated()
			require.NoError(t, err)
			require.Empty(t, moved)
		})
	}
}
