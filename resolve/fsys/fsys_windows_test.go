package fsys

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"

	"github.com/modelrun/modelrun/resolve/fault"
)

// skipUnderWine skips a test that Wine cannot pass: Wine has no junctions, renames
// folders with open files, and knows only one user.
func skipUnderWine(t *testing.T) {
	t.Helper()
	if windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil {
		t.Skip("Wine cannot do this")
	}
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

func TestRemoveAllTakesReadOnlyFiles(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "pack")
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "x.pack"), nil, 0o444))
	require.NoError(t, os.Chmod(dir, 0o555))
	require.NoError(t, RemoveAll(dir))
	require.NoDirExists(t, dir)
	require.NoError(t, RemoveAll(dir), "nothing to do")
}

// TestWaitsForWhatHoldsAFile checks that all our operations wait for an antivirus
// that holds a new file for a moment.
func TestWaitsForWhatHoldsAFile(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(path string) error{
		"remove":  RemoveAll,
		"rename":  func(path string) error { return Rename(path, path+"-new") },
		"replace": func(path string) error { return WriteFile(path, []byte("new")) },
		"read":    func(path string) error { _, err := ReadFile(path, limit); return err },
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
					return os.Remove(path) // Windows refuses this
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

// TestGivesUpOnWhatStaysHeld checks that an operation on a file that stays held
// fails in the end, and that the file stays.
func TestGivesUpOnWhatStaysHeld(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, nil, 0o644))
	h := held(t, path)
	require.ErrorIs(t, RemoveAll(path), windows.ERROR_SHARING_VIOLATION)
	_, err := ReadFile(path, limit)
	require.ErrorIs(t, err, windows.ERROR_SHARING_VIOLATION)
	require.NoError(t, windows.CloseHandle(h))
	require.FileExists(t, path)
	require.ErrorIs(t, Rename(path+"-none", path), os.ErrNotExist)
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
		"S-1-1-0":      false, // Everyone: the owner on a disk without owners
		"S-1-5-21-1111111111-2222222222-3333333333-1001": false, // an account of another machine
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

// TestTrustedRefusesAnotherUser uses DefaultAccount, which exists on every Windows
// and is never the user of a test.
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

// TestTrustedRefusesAnUnreadableOwner checks that a folder whose owner cannot be
// read is not trusted, because it may belong to any user.
func TestTrustedRefusesAnUnreadableOwner(t *testing.T) {
	t.Parallel()
	skipUnderWine(t)
	dir := filepath.Join(t.TempDir(), "root")
	require.NoError(t, os.Mkdir(dir, 0o755))
	// Deny the owner the right to read the owner, which owners have implicitly.
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
	require.NoError(t, RemoveAll(dir))
	require.NoDirExists(t, dir)
	require.FileExists(t, canary)
}
