//go:build !windows

package store

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLock(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	busy, err := s.Busy(key)
	require.NoError(t, err)
	require.False(t, busy)
	require.Empty(t, names(t, string(s.Root)), "who only looks changes nothing")

	c := start(t, s, "lock", "")
	require.Equal(t, "locked", c.line())
	_, err = s.TryLock(key)
	require.ErrorIs(t, err, ErrBusy)
	before := names(t, s.Root.Locks())
	busy, err = s.Busy(key)
	require.NoError(t, err)
	require.True(t, busy)
	require.Equal(t, before, names(t, s.Root.Locks()))
	o := s.Owner(key)
	require.Equal(t, c.Process.Pid, o.PID)
	require.Equal(t, "installing", o.Phase)
	require.Equal(t, int64(3), o.Beat)
	require.NotEmpty(t, o.User)

	other, err := s.TryLock("torch-cu121")
	require.NoError(t, err, "another key has another lock")
	require.False(t, other.Lockless())
	require.NoError(t, other.Unlock())

	c.kill()
	l, err := s.TryLock(key)
	require.NoError(t, err, "the lock of a dead creator is free")
	require.Equal(t, c.Process.Pid, s.Owner(key).PID, "what it said stays until somebody says more")
	require.NoError(t, l.Report(Owner{Phase: "resolving"}))
	require.Equal(t, os.Getpid(), s.Owner(key).PID)
	require.NoError(t, l.Unlock())
	require.Zero(t, s.Owner(key))
	info, err := os.Stat(s.Root.Lock(key))
	require.NoError(t, err, "a lock file is never deleted")
	require.Zero(t, info.Size())
	busy, err = s.Busy(key)
	require.NoError(t, err)
	require.False(t, busy)
}

func TestLockOneWinner(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	var all []*child
	for range 16 {
		all = append(all, start(t, s, "lock", ""))
	}
	won := 0
	for _, c := range all {
		switch line := c.line(); line {
		case "locked":
			won++
		default:
			require.Equal(t, "busy", line)
		}
	}
	require.Equal(t, 1, won)
	for _, c := range all {
		require.NoError(t, c.end())
	}
}

func TestOwnerTolerant(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(path string) error{
		"none":   func(string) error { return nil },
		"torn":   func(p string) error { return os.WriteFile(p, []byte(`{"schema":1,"pid":12`), 0o600) },
		"empty":  func(p string) error { return os.WriteFile(p, nil, 0o600) },
		"text":   func(p string) error { return os.WriteFile(p, []byte("pid 12"), 0o600) },
		"folder": func(p string) error { return os.Mkdir(p, 0o700) },
		"50 MB": func(p string) error {
			if err := os.WriteFile(p, []byte(`{"schema":1,"pid":12}`), 0o600); err != nil {
				return err
			}
			return os.Truncate(p, 50<<20)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			require.NoError(t, os.MkdirAll(s.Root.Locks(), 0o755))
			require.NoError(t, write(s.Root.Owner(key)))
			require.Zero(t, s.Owner(key))
		})
	}
}

// asNobody runs a child without root's right to write everywhere.
func asNobody(c *exec.Cmd) {
	if os.Geteuid() == 0 {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
}

func TestLockNotWritable(t *testing.T) {
	t.Parallel()
	dir := open(t)
	s := &Store{Root: newRoot(dir)}
	require.NoError(t, os.MkdirAll(string(s.Root), 0o755))
	require.NoError(t, os.Chmod(string(s.Root), 0o555))
	t.Cleanup(func() { _ = os.Chmod(string(s.Root), 0o755) })
	c := start(t, s, "lock", "", asNobody, copyOfSelf(t, dir))
	line := c.line()
	require.Contains(t, line, "error not-writable")
	require.Contains(t, line, string(s.Root))
	require.Error(t, c.end())
	require.Empty(t, names(t, string(s.Root)))

	t.Run("a file in the way", func(t *testing.T) {
		s := newStore(t)
		require.NoError(t, os.WriteFile(s.Root.Envs(), nil, 0o600))
		_, err := s.TryLock(key)
		require.ErrorContains(t, err, filepath.Base(s.Root.Envs()))
	})
}
