//go:build !windows

package store

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/envdir"
)

// open is a folder that every user of the machine can enter, which t.TempDir
// is not.
func open(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "store-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { _ = removeAll(dir) })
	return dir
}

func newRoot(dir string) envdir.Root { return envdir.Root(filepath.Join(dir, "root")) }

// copyOfSelf puts the test binary where every user can start it.
func copyOfSelf(t *testing.T, dir string) func(*exec.Cmd) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	data, err := os.ReadFile(self)
	require.NoError(t, err)
	path := filepath.Join(dir, "self")
	require.NoError(t, os.WriteFile(path, data, 0o755))
	return func(c *exec.Cmd) { c.Path, c.Args = path, []string{path} }
}
