package store

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestPromoteWhereNothingMoves checks that an env that cannot be moved stays, and
// that the waiting env never leaves its place.
func TestPromoteWhereNothingMoves(t *testing.T) {
	t.Parallel()
	s, l := postponed(t)
	target := s.Root.Shared(key).Path
	if err := unix.Mount(target, target, "", unix.MS_BIND, ""); err != nil {
		t.Skipf("NOT TESTED: an env that cannot be moved: mounting is not allowed here: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(target, unix.MNT_DETACH) })
	s.Failpoint = func(step string) { require.NotEqual(t, "promote", step, "nothing is moved") }
	for range 3 {
		require.NoError(t, l.Recover())
		require.Equal(t, "old", content(t, s.Root.Shared(key)))
		require.Equal(t, "new", content(t, s.Root.Next(key)))
	}
	require.NoError(t, unix.Unmount(target, unix.MNT_DETACH))
	s.Failpoint = nil
	eventually(t, func() bool { return l.Recover() == nil && content(t, s.Root.Next(key)) == "" })
	require.Equal(t, "new", content(t, s.Root.Shared(key)))
	requireNoLitter(t, s)
}

// TestUsersByName checks a child that inherited neither the environment nor the
// descriptors of the program that started it. It is found by its own name.
func TestUsersByName(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	d := s.Root.Shared(key)
	sleep, err := exec.LookPath("sleep")
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(d.Path, 0o755))
	relative, err := filepath.Rel(d.Path, d.Python()) // .venv/bin/python: old envs are usually started this way
	require.NoError(t, err)
	for _, name := range []string{d.Python(), relative} {
		c := &exec.Cmd{Path: sleep, Args: []string{name, "600"}, Env: []string{}, Dir: d.Path}
		require.NoError(t, c.Start())
		t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
		eventually(t, func() bool { return len(Users(d)) == 1 })
		_, err = s.Exclusive(d)
		require.ErrorContains(t, err, "is in use by ")
		require.Empty(t, Users(s.Root.Next(key)))
		require.NoError(t, c.Process.Kill())
		_ = c.Wait()
		require.Empty(t, Users(d))
	}
}
