//go:build unix

package health_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/health"
)

// folder is a Cache on disk with the system's locks, like the store's.
type folder string

func (f folder) Read(name string) ([]byte, error) { return os.ReadFile(filepath.Join(string(f), name)) }

func (f folder) Write(name string, data []byte) error {
	tmp := filepath.Join(string(f), fmt.Sprint(name, os.Getpid()))
	if err := os.WriteFile(tmp, data, 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(string(f), name))
}

func (f folder) Lock(_ context.Context, name string) (func(), error) {
	file, err := os.OpenFile(filepath.Join(string(f), name+".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	return func() { _ = file.Close() }, syscall.Flock(int(file.Fd()), syscall.LOCK_EX)
}

// TestHelperProcess is one of the processes of TestConcurrentProcessesProbeOnce.
func TestHelperProcess(t *testing.T) {
	root := os.Getenv("TEST_HELPER_ROOT")
	if root == "" {
		t.Skip("started by TestConcurrentProcessesProbeOnce")
	}
	e := env{Subject: health.Subject{Dir: envdir.Root(root).Shared(key)}}
	seal, ok, err := health.ReadSeal(e.Dir)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, key, seal.Key)
	e.Imports = imports()
	c := &health.Checker{State: folder(os.Getenv("TEST_HELPER_STATE")), Env: execx.NewEnviron([]string{"FAKE_LOG=" + os.Getenv("TEST_HELPER_LOG")})}
	v, err := c.Check(t.Context(), e.Subject)
	require.NoError(t, err)
	require.Equal(t, health.Healthy, v.State, v.Reason)
}

// TestConcurrentProcessesProbeOnce starts 16 ranks after a driver update. One of
// them probes, and the others use its verdict.
func TestConcurrentProcessesProbeOnce(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envdir.Shared).seal(t)
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			cmd := exec.Command(os.Args[0], "-test.run=^TestHelperProcess$") //nolint:gosec // this test binary
			cmd.Env = append(os.Environ(), "TEST_HELPER_ROOT="+string(e.root), "TEST_HELPER_STATE="+dir, "TEST_HELPER_LOG="+log)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	wg.Wait()
	data, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Equal(t, "import\n", string(data))
}
