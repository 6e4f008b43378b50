package prune

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/uv/uvtest"
)

// TestUVWaitsForItsCache checks two assumptions of prune: a running uv holds the
// lock of its cache, and a uv that starts while we hold the lock waits.
func TestUVWaitsForItsCache(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	uv := func() (string, error) {
		cmd := exec.Command(uvtest.Path(t), "pip", "freeze", "--system", "--cache-dir", s.Root.Cache())
		cmd.Env = append(os.Environ(), "UV_LOCK_TIMEOUT=1")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := uv()
	require.NoError(t, err, out)
	lock, err := remover{s}.lockCache()
	require.NoError(t, err)
	out, err = uv()
	require.Error(t, err)
	require.Contains(t, out, "lock")
	require.NoError(t, lock.Close())
	out, err = uv()
	require.NoError(t, err, out)
}
