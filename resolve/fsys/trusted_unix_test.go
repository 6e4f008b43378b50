//go:build !windows

package fsys

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/fault"
)

func TestTrusted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "d")
	require.NoError(t, os.Mkdir(path, 0o755))
	require.NoError(t, Trusted(path, nil))
	require.NoError(t, os.Chmod(path, 0o757))
	require.Equal(t, fault.Untrusted, fault.CodeOf(Trusted(path, nil)))
	require.NoError(t, os.Chmod(path, 0o777|os.ModeSticky), "like /tmp")
	require.NoError(t, Trusted(path, nil))
	require.ErrorIs(t, Trusted(path+"-", nil), os.ErrNotExist)
	if os.Geteuid() != 0 {
		return
	}
	require.NoError(t, os.Chmod(path, 0o755))
	require.NoError(t, os.Chown(path, 54321, 65534))
	require.Equal(t, fault.Untrusted, fault.CodeOf(Trusted(path, nil)))
	require.NoError(t, Trusted(path, []string{"54321"}))
}

// TestStickyFolderIsNoTeams checks that a folder that every user can write is not a
// team's: new files in it belong to the user who creates them.
func TestStickyFolderIsNoTeams(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o777|os.ModeSticky))
	require.NoError(t, MkdirLike(filepath.Join(dir, "a")))
	require.NoError(t, WriteFile(filepath.Join(dir, "b"), nil))
	for _, name := range []string{"a", "b"} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o022, name)
	}
}
