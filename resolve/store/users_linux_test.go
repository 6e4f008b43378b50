package store

import (
	"golang.org/x/sys/unix"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx/execxtest"
	"github.com/modelrun/modelrun/resolve/envdir"
)

// TestUsersByMaps checks that a program without a lease and without an environment
// is found by its memory maps, even through a root that is a link.
func TestUsersByMaps(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	d := s.Root.Shared(key)
	path := filepath.Join(d.Venv(), "lib", "program")
	require.NoError(t, execxtest.Copy(path))
	p := startExe(t, exec.Command(path), s, "block")
	require.Equal(t, "running", p.Line(t))

	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(string(s.Root), link))
	for _, root := range []*Store{s, {Root: envdir.Root(link)}} {
		users := Users(root.Root.Shared(key))
		require.Len(t, users, 1)
		require.Equal(t, p.Process.Pid, users[0].PID)
		_, err := root.Exclusive(root.Root.Shared(key))
		require.ErrorContains(t, err, "is in use by ")
	}
	p.Kill(t)
	require.Empty(t, Users(d))
}

// TestLeaseOfAChild checks that processes that inherit a lease share it: it is held
// until the last one ends.
func TestLeaseOfAChild(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	d := s.Root.Shared(key)
	l, err := s.Lease(t.Context(), d)
	require.NoError(t, err)
	fd, ok := l.FD()
	require.True(t, ok)
	dup, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) // another test may fork at this moment
	require.NoError(t, err)
	inherited := os.NewFile(uintptr(dup), "lease") //nolint:gosec // a descriptor
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.ExtraFiles = []*os.File{inherited}
	p := startExe(t, cmd, s, "block")
	require.Equal(t, "running", p.Line(t))
	require.NoError(t, inherited.Close())
	l.Release()
	_, ok = l.FD()
	require.False(t, ok)
	_, err = s.Exclusive(d)
	var busy *InUse
	require.ErrorAs(t, err, &busy, "the child still runs")
	p.Kill(t)
	require.Eventually(t, func() bool { // as in TestPublishWhileInUse
		l, err = s.Exclusive(d)
		return err == nil
	}, time.Minute, time.Millisecond)
	l.Release()
}
