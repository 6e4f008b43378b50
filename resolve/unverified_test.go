package resolve

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/health"
)

var noCUDA = health.Verdict{State: health.Broken, Code: health.CodeNoCUDA, Reason: "torch sees no GPU", Sealed: true}

// TestUnknownAfterNoCUDA checks that an env whose check could not be finished is the last resort, even after
// another env that reached no GPU.
func TestUnknownAfterNoCUDA(t *testing.T) {
	t.Parallel()
	root := envdir.Root(t.TempDir())
	for _, dir := range []envdir.Dir{root.Next("key"), root.Shared("key")} {
		require.NoError(t, os.MkdirAll(dir.Path, 0o755))
	}
	lease, err := deps(root, checker{}, new(bool)).Store.Lease(t.Context(), root.Shared("key")) // keeps the waiting env in .next
	require.NoError(t, err)
	defer lease.Release()
	creating := false
	d := deps(root, checker{verdicts: map[envdir.Kind]health.Verdict{envdir.Next: noCUDA, envdir.Shared: busy}}, &creating)
	res, _, err := Default(d).Resolve(t.Context(), request(root, Policy{}, true))
	require.NoError(t, err)
	defer res.Lease.Release()
	require.False(t, creating)
	require.Equal(t, nameLastResort, res.Strategy)
	require.Equal(t, root.Shared("key"), res.Dir)
}

// TestUnverifiedUnderTheLock checks another creator that publishes before the lock is taken. If its env
// cannot be verified here, no other env is built.
func TestUnverifiedUnderTheLock(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]health.Verdict{"no GPU is reached": noCUDA, "a busy GPU": busy} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := envdir.Root(t.TempDir())
			creating := false
			d := deps(root, checker{verdicts: map[envdir.Kind]health.Verdict{envdir.Shared: v}}, &creating)
			d.Store.Failpoint = func(name string) {
				if name == "locked" {
					require.NoError(t, os.MkdirAll(root.Shared("key").Path, 0o755))
				}
			}
			res, trace, err := Default(d).Resolve(t.Context(), request(root, Policy{}, true))
			require.False(t, creating)
			require.Contains(t, trace[3].Reason, "nothing is rebuilt")
			if v.State == health.Unknown {
				require.NoError(t, err)
				require.True(t, res.Degraded)
				res.Lease.Release()
			}
		})
	}
}
