//go:build !windows

package health_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/health"
)

// TestProbePrintsEndlessly checks that a check that prints endlessly uses up its
// time limit, but little memory.
func TestProbePrintsEndlessly(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envdir.Old)
	c, _ := checker(t, "FAKE_DO=while True: os.write(2, b'rubbish ' * 8192)")
	c.Limit = 2 * time.Second
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	v, err := c.Probe(t.Context(), e.Subject)
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	require.Equal(t, health.Unknown, v.State)
	require.Equal(t, health.CodeTimeout, v.Code)
	require.Equal(t, "import of torch did not end within 2s", v.Reason)
	require.Less(t, after.HeapAlloc, before.HeapAlloc+64<<20)
}

// TestProbeLeavesADaemon checks that the verdict does not wait for a grandchild in
// its own session that holds the probe's pipes open.
func TestProbeLeavesADaemon(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envdir.Old)
	file := filepath.Join(t.TempDir(), "pid")
	c, _ := checker(t, "FAKE_DO=\nif os.fork() == 0:\n  os.setsid()\n  open("+strconv.Quote(file)+", 'w').write(str(os.getpid()))\n  time.sleep(600)\n  os._exit(0)\nwhile not os.path.exists("+strconv.Quote(file)+"): time.sleep(0.01)")
	began := time.Now()
	v, err := c.Probe(t.Context(), e.Subject)
	data, _ := os.ReadFile(file)
	if pid, e := strconv.Atoi(string(data)); e == nil && pid > 1 {
		defer func() { _ = syscall.Kill(pid, syscall.SIGKILL) }()
	}
	require.NoError(t, err)
	require.Equal(t, health.Healthy, v.State, v.Reason)
	require.Less(t, time.Since(began), health.ProbeLimit, "it did not run into the time limit")
}

// TestProbeRunsOutOfMemory checks that a check that runs out of memory is Unknown,
// and ends no other process.
func TestProbeRunsOutOfMemory(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envdir.Old)
	c, _ := checker(t, "FAKE_DO=import resource; resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30)); x = b'x' * (20 << 30)")
	v, err := c.Probe(t.Context(), e.Subject)
	require.NoError(t, err)
	if runtime.GOOS == "darwin" && v.Code != health.CodeOOM {
		t.Skip("macOS has no limit on address space")
	}
	require.Equal(t, health.Unknown, v.State, v.Reason)
	require.Equal(t, health.CodeOOM, v.Code)
	require.Equal(t, "cannot import torch: MemoryError", v.Reason)
}

func TestProbeIsKilledFirst(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has an OOM score")
	}
	e := newEnv(t, envdir.Old)
	file := filepath.Join(t.TempDir(), "score")
	c, _ := checker(t, "FAKE_DO=open("+strconv.Quote(file)+", 'w').write(open('/proc/self/oom_score_adj').read())")
	_, err := c.Probe(t.Context(), e.Subject)
	require.NoError(t, err)
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "1000", strings.TrimSpace(string(data)))
}
