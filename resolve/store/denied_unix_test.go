//go:build !windows

package store

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx/execxtest"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
)

const nobody = 65534

// denied is the error of renaming a folder that cannot be moved.
const denied = syscall.EACCES

// roleDenied acts as a user who can only read the root.
func roleDenied(s *Store, userState string) error {
	_, err := s.TryLock(key)
	if fault.CodeOf(err) != fault.NotWritable || fault.RemedyOf(err) == "" {
		return fmt.Errorf("lock: %w", err)
	}
	for _, k := range []string{"there", "missing"} {
		d := s.Root.Shared(key)
		d.Name = k
		l, err := s.Lease(context.Background(), d)
		if err != nil || (l != nil) != (k == "there") {
			return fmt.Errorf("lease %s: %v, %w", k, l, err)
		}
	}
	st := OpenState(s.Root, "machine", userState)
	if err := st.Write("v.json", []byte("mine")); err != nil {
		return err
	}
	data, err := st.Read("v.json")
	if err != nil || string(data) != "mine" {
		return fmt.Errorf("state %q: %w", data, err)
	}
	unlock, err := st.Lock(context.Background(), "v")
	if err != nil {
		return err
	}
	unlock()
	fmt.Println("ok")
	return nil
}

func TestReadOnlyRoot(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: a second user: only root can become one")
	}
	dir, err := os.MkdirTemp("", "store-denied-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	s := &Store{Root: envdir.Root(filepath.Join(dir, "root"))}
	require.NoError(t, os.Mkdir(string(s.Root), 0o755))
	require.NoError(t, OpenState(s.Root, "machine", "").Write("v.json", []byte("an older answer")))
	d := s.Root.Shared(key)
	d.Name = "there"
	l, err := s.Lease(t.Context(), d)
	require.NoError(t, err)
	l.Release()

	user, exe := filepath.Join(dir, "user"), filepath.Join(dir, "test")
	require.NoError(t, os.Mkdir(user, 0o755))
	require.NoError(t, os.Chown(user, nobody, nobody))
	require.NoError(t, execxtest.Copy(exe))
	cmd := exec.Command(exe)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	p := startExe(t, cmd, s, "denied:"+user)
	require.Equal(t, "ok", p.Line(t))
}

func TestTeamFilesFollowTheFolder(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: another group: only root can give files to one")
	}
	s := newStore(t)
	require.NoError(t, os.Mkdir(s.Root.Envs(), 0o755))
	require.NoError(t, os.Chown(s.Root.Envs(), -1, 54321))
	require.NoError(t, os.Chmod(s.Root.Envs(), 0o770|os.ModeSetgid))
	l := lock(t, s)
	require.NoError(t, l.Report(Owner{}))
	st, err := l.Stage()
	require.NoError(t, err)
	lease, err := s.Lease(t.Context(), s.Root.Shared(key))
	require.NoError(t, err)
	lease.Release()
	for _, path := range []string{s.Root.Locks(), s.Root.Files(key).Lock(), s.Root.Files(key).Owner(), s.Root.Lease(s.Root.Shared(key)), st.Dir.Path} {
		info, err := os.Lstat(path)
		require.NoError(t, err)
		require.EqualValues(t, 54321, info.Sys().(*syscall.Stat_t).Gid, path)
		require.EqualValues(t, 0o060, info.Mode().Perm()&0o060, path)
		require.Equal(t, info.IsDir(), info.Mode()&os.ModeSetgid != 0, path)
	}
}

// TestLeaseOfATeamIsTouched checks that every user who can write a lease records
// the day of its use, even for an env that a teammate created.
func TestLeaseOfATeamIsTouched(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: a second user: only root can become one")
	}
	dir, err := os.MkdirTemp("", "store-team-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	s := &Store{Root: envdir.Root(filepath.Join(dir, "root"))}
	require.NoError(t, os.MkdirAll(s.Root.Envs(), 0o755))
	require.NoError(t, os.Chown(s.Root.Envs(), -1, nobody))
	require.NoError(t, os.Chmod(s.Root.Envs(), 0o775))
	d := s.Root.Shared(key)
	l, err := s.Lease(t.Context(), d)
	require.NoError(t, err)
	l.Release()
	long := time.Now().AddDate(0, 0, -40)
	require.NoError(t, os.Chtimes(s.Root.Lease(d), long, long))

	exe := filepath.Join(dir, "test")
	require.NoError(t, execxtest.Copy(exe))
	cmd := exec.Command(exe)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	p := startExe(t, cmd, s, "lease")
	require.Equal(t, "running", p.Line(t))
	require.WithinDuration(t, time.Now(), s.Catalogue().LastUsed(d), time.Hour)
}
