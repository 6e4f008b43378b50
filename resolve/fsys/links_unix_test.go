//go:build !windows

package fsys

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestShareFollowsNoLink checks a teammate who replaces a new file by a link to one
// of our files. Our file must not get the rights of the group.
func TestShareFollowsNoLink(t *testing.T) {
	t.Parallel()
	for name, link := range map[string]func(old, new string) error{"symbolic": os.Symlink, "hard": os.Link} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			mine, team := filepath.Join(dir, "mine"), filepath.Join(dir, "team")
			require.NoError(t, os.WriteFile(mine, nil, 0o600))
			require.NoError(t, os.Mkdir(team, 0o770))
			require.NoError(t, os.Chmod(team, 0o770))
			path := filepath.Join(team, "x.lock")
			require.NoError(t, link(mine, path))
			ShareLike(path, team)
			info, err := os.Stat(mine)
			require.NoError(t, err)
			require.EqualValues(t, 0o600, info.Mode().Perm())
		})
	}
}
