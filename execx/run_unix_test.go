//go:build !windows

package execx_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx"
)

func sh(script string) execx.Cmd {
	return execx.Cmd{Path: "/bin/sh", Args: []string{"-c", script}, Env: execx.Environ{"PATH=/usr/bin:/bin"}, Timeout: time.Minute}
}

// gone waits until the process does not exist, or is an unreaped zombie.
func gone(t *testing.T, pid int) {
	t.Helper()
	require.Eventually(t, func() bool {
		if syscall.Kill(pid, 0) != nil {
			return true
		}
		stat, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		return strings.Contains(string(stat), ") Z ")
	}, 20*time.Second, 10*time.Millisecond, "process %d is still there", pid)
}

func pidIn(t *testing.T, text []byte) int {
	t.Helper()
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, err, "%q", text)
	return pid
}

func TestRunLeavesNoGrandchild(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		script   string
		timeout  time.Duration
		timedOut bool
	}{
		"the tool has ended, its pipe is held":     {"sleep 600 & echo $!", time.Minute, false},
		"the tool has ended, its pipe is free":     {"sleep 600 >/dev/null 2>&1 & echo $!", time.Minute, false},
		"the time is over":                         {"sleep 600 & echo $!; wait", time.Second, true},
		"the time is over and SIGTERM would serve": {"trap '' TERM; sleep 600 & echo $!; wait", time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := sh(tt.script)
			c.Timeout = tt.timeout
			res, err := execx.Run(t.Context(), c)
			require.NoError(t, err)
			require.Equal(t, tt.timedOut, res.TimedOut)
			gone(t, pidIn(t, res.Stdout))
		})
	}
}

func TestRunCancelKillsTheGroup(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := sh("sleep 600 & echo $!; wait")
	c.Output = writer(func([]byte) { cancel() })
	res, err := execx.Run(ctx, c)
	require.ErrorIs(t, err, context.Canceled)
	gone(t, pidIn(t, res.Stdout))
}

type writer func([]byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }

// TestRunDoesNotWaitForDaemon checks a grandchild in its own session, which leaves
// the group and holds our pipe open.
func TestRunDoesNotWaitForDaemon(t *testing.T) {
	t.Parallel()
	if _, err := execx.LookPath("setsid", []string{"/usr/bin", "/bin"}, nil); err != nil {
		t.Skip("no setsid here")
	}
	c := sh("setsid sh -c 'echo $$ > pid; exec sleep 600' & until test -s pid; do sleep 0.01; done; cat pid")
	c.Dir = t.TempDir()
	res, err := execx.Run(t.Context(), c)
	require.NoError(t, err)
	require.False(t, res.TimedOut)
	require.NoError(t, syscall.Kill(pidIn(t, res.Stdout), syscall.SIGKILL))
}

func TestRunExitCodeOfASignal(t *testing.T) {
	t.Parallel()
	res, err := execx.Run(t.Context(), sh("echo last >&2; kill -9 $$"))
	require.NoError(t, err)
	require.Equal(t, -1, res.ExitCode)
	require.Equal(t, "last", res.Tail)
}

func TestRunEveryExitCode(t *testing.T) {
	t.Parallel()
	for code := range 256 {
		res, err := execx.Run(t.Context(), sh("exit "+strconv.Itoa(code)))
		require.NoError(t, err)
		require.Equal(t, code, res.ExitCode)
	}
}

func TestRunPermission(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tool")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"), 0o644))
	_, err := execx.Run(t.Context(), execx.Cmd{Path: path})
	require.ErrorIs(t, err, fs.ErrPermission)
}

func TestRunTailWithoutStderr(t *testing.T) {
	t.Parallel()
	res, err := execx.Run(t.Context(), sh("echo said on stdout"))
	require.NoError(t, err)
	require.Equal(t, "said on stdout", res.Tail)
}
