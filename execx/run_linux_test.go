package execx_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx"
)

func TestRunIsKilledWithParent(t *testing.T) {
	t.Parallel()
	path, err := os.Executable()
	require.NoError(t, err)
	parent := exec.Command(path)
	parent.Env = append(os.Environ(), "EXECX_ROLE=parent:"+path)
	out, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.NoError(t, parent.Process.Kill())
	_ = parent.Wait()
	gone(t, pidIn(t, []byte(line)))
}

// TestRunOutlivesOtherThreads checks that Run does not start the tool on a thread
// that may end. A goroutine that ends while locked to its thread ends the thread,
// and the kernel then kills that thread's children.
func TestRunOutlivesOtherThreads(t *testing.T) {
	t.Parallel()
	for range 10 {
		c := sh("sleep 0.2; echo alive")
		c.Started = func(int) {
			var group sync.WaitGroup
			for range 10 {
				group.Go(runtime.LockOSThread)
			}
			group.Wait() // they run on this thread if it is not locked
		}
		res, err := execx.Run(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, "alive\n", string(res.Stdout))
	}
}

func TestActivity(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"writes":               "read a <go; echo x >f",
		"computes":             "read a <go; i=0; while test $i -lt 200000; do i=$((i+1)); done",
		"a child of it writes": "(read a <go; echo x >f; echo done >done; sleep 600)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			require.NoError(t, exec.Command("mkfifo", dir+"/go", dir+"/done").Run())
			ctx, cancel := context.WithCancel(t.Context())
			pids, ended := make(chan int, 1), make(chan struct{})
			c := sh(script + "; echo done >done; sleep 600")
			c.Dir, c.Started = dir, func(pid int) { pids <- pid }
			go func() { defer close(ended); _, _ = execx.Run(ctx, c) }()
			defer func() { cancel(); <-ended }()
			pid := <-pids
			start, err := os.OpenFile(dir+"/go", os.O_WRONLY, 0) // blocks until the script reads
			require.NoError(t, err)
			before, ok := execx.Activity(pid)
			require.True(t, ok)
			_, err = start.WriteString("go\n")
			require.NoError(t, err)
			require.NoError(t, start.Close())
			_, err = os.ReadFile(dir + "/done")
			require.NoError(t, err)
			after, ok := execx.Activity(pid)
			require.True(t, ok)
			require.Greater(t, after, before)
		})
	}
}

func TestActivityOfMissingProcess(t *testing.T) {
	t.Parallel()
	_, ok := execx.Activity(1 << 30)
	require.False(t, ok)
}
