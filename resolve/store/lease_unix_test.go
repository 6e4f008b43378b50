//go:build !windows

package store

import (
	"context"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// becomeBlocker hands the lease to another program with execve, as a launch does.
func becomeBlocker(l *Lease) error {
	fd, _ := l.FD()
	if _, err := unix.FcntlInt(fd, unix.F_SETFD, 0); err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	env := append(os.Environ(), "STORE_TEST_ROLE=block")
	for i, e := range env[:len(env)-1] {
		if len(e) > 16 && e[:16] == "STORE_TEST_ROLE=" {
			env[i] = "OLD=1" // execve would keep both, and the first one counts
		}
	}
	return unix.Exec(exe, []string{exe}, env)
}

func TestLeaseSurvivesExec(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	_, err := publish(lock(t, s), "old")
	require.NoError(t, err)
	p := start(t, s, "lease")
	require.Equal(t, "running", p.Line(t))
	_, err = s.Exclusive(s.Root.Shared(key))
	var busy *InUse
	require.ErrorAs(t, err, &busy)

	second, err := s.Lease(t.Context(), s.Root.Shared(key))
	require.NoError(t, err, "programs share it")
	second.Release()
	p.Kill(t)
	l, err := s.Exclusive(s.Root.Shared(key))
	require.NoError(t, err)
	l.Release()
}

func TestLeaseWaitsForWhoReplaces(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	d := s.Root.Shared(key)
	l, err := s.Exclusive(d)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.Lease(ctx, d)
	require.ErrorIs(t, err, context.Canceled)

	got := make(chan *Lease)
	go func() {
		lease, _ := s.Lease(t.Context(), d)
		got <- lease
	}()
	l.Release()
	lease := <-got
	require.NotNil(t, lease)
	lease.Release()
	lease.Release() // does nothing
}

// TestUsersWithoutLease checks that the environment of a program that lost its
// lease still names the env.
func TestUsersWithoutLease(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	s := newStore(t)
	d := s.Root.Shared(key)
	for _, name := range []string{"VIRTUAL_ENV", "MODELRUN_ACTIVE_ENV"} {
		p := start(t, s, "block", name+"="+d.Venv())
		require.Equal(t, "running", p.Line(t))
		_, err := s.Exclusive(d)
		var busy *InUse
		require.ErrorAs(t, err, &busy)
		require.Len(t, busy.Users, 1)
		require.Equal(t, p.Process.Pid, busy.Users[0].PID)
		require.NotEmpty(t, busy.Users[0].Name)
		require.Empty(t, Users(s.Root.Shared(key+"-bnb")), "a longer key is another env")
		p.Kill(t)
	}
	l, err := s.Exclusive(d)
	require.NoError(t, err)
	l.Release()
}

func TestLeaseIsTouchedOnceADay(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	d := s.Root.Shared(key)
	for name, tt := range map[string]struct {
		age     time.Duration
		touched bool
	}{"an hour ago": {time.Hour, false}, "two days ago": {48 * time.Hour, true}, "in two days": {-48 * time.Hour, true}} {
		l, err := s.Lease(t.Context(), d)
		require.NoError(t, err)
		l.Release()
		at := time.Now().Add(-tt.age)
		require.NoError(t, os.Chtimes(s.Root.Lease(d), at, at))
		l, err = s.Lease(t.Context(), d)
		require.NoError(t, err)
		l.Release()
		require.Equal(t, tt.touched, s.Catalogue().LastUsed(d).Sub(at).Abs() > time.Minute, name)
	}
}
