package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx/execxtest"
	"github.com/modelrun/modelrun/resolve/uv/uvtest"
)

// team makes a root that two users share by its group. It also returns functions
// that make a command run as one of these users.
func team(t *testing.T, mode os.FileMode) (s *sandbox, as [2]func(words ...string) *exec.Cmd) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: two users on one root: needs root to become them")
	}
	const group = 54321
	users := [2]uint32{54001, 54002}
	dir, err := os.MkdirTemp("", "modelrun-team-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for _, d := range []string{dir, scratch} {
		require.NoError(t, os.Chmod(d, 0o755)) // it holds everything that they need
	}
	s = sandboxIn(t, dir)
	s.env = append(s.env, creating(t)...)
	uv := filepath.Join(dir, "uv")
	program, err := os.ReadFile(uvtest.Path(t))
	require.NoError(t, err)
	require.NoError(t, execxtest.Write(uv, program))
	s.set("MODELRUN_UV="+uv, "TMPDIR=/tmp")
	require.NoError(t, os.MkdirAll(s.root.Envs(), 0o755))
	require.NoError(t, os.Chown(s.root.Envs(), 0, group))
	require.NoError(t, os.Chmod(s.root.Envs(), mode))
	for i, uid := range users {
		home := filepath.Join(dir, "home", strconv.Itoa(int(uid)))
		config := filepath.Join(home, ".config", "modelrun", "config.toml")
		require.NoError(t, os.MkdirAll(filepath.Dir(config), 0o755))
		require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, "trusted_owners = [\"%d\", \"%d\"]\n", users[0], users[1]), 0o644))
		require.NoError(t, os.Chown(home, int(uid), int(uid)))
		as[i] = func(words ...string) *exec.Cmd {
			c := s.other(t, "/bin/sh", append([]string{"-c", "umask 022; exec \"$0\" \"$@\""}, words...)...)
			c.Env = append(slices.Clone(s.env), "HOME="+home)
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid, Groups: []uint32{group}}}
			return c
		}
	}
	if r := run1(t, as[0](s.bin, "version")); r.code != 0 {
		t.Skipf("NOT TESTED: two users on one root: modelrun cannot be started by another user here: %s", r)
	}
	if r := run1(t, as[0]("python3", "-c", "pass")); r.code != 0 {
		t.Skipf("NOT TESTED: two users on one root: another user cannot start the python on PATH: %s", r)
	}
	return s, as
}

// TestTwoUsersOfATeam checks two users who share a root by its group. Both start at
// once, and later each replaces the other's env.
func TestTwoUsersOfATeam(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]os.FileMode{"setgid": 0o775 | os.ModeSetgid, "not setgid": 0o775} {
		if !tonight(name, "not setgid") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, as := team(t, mode)
			// The delay makes the rights of a new file come late. No process may find the
			// file in its place before it has them.
			late := []string{s.bin}
			if words, err := tracer(); err == nil {
				late = append(words, "-e", "trace=fchown,fchmod", "-e", "inject=fchown,fchmod:delay_enter=100000", s.bin)
			} else {
				t.Logf("NOT TESTED: the moment before a file has its rights is as short as it is: %v", err)
			}
			var cmds []*exec.Cmd
			for i := range many(32, 8) {
				cmds = append(cmds, as[i%2](append(late, "--", "python", "-c", "import os; print(oct(os.umask(0)))")...))
			}
			for _, r := range crowd(t, cmds) {
				require.Zero(t, r.code, "%s", r)
				require.Equal(t, "0o22\n", r.out, "the program has its caller's umask: %s", r)
			}
			require.Equal(t, 1, s.logs(t))
			for i := range 2 {
				r := run1(t, as[i](s.bin, "ensure", "--rebuild"))
				require.Zero(t, r.code, "%s", r)
				require.NotContains(t, r.err, "cannot be moved", "%s", r)
			}
			s.tidy(t)
		})
	}
}

// TestTeamOutlivesAKill kills a member of a team while it creates files of the
// group. The next member can still create the env.
func TestTeamOutlivesAKill(t *testing.T) {
	t.Parallel()
	words := []string{strace(t)[0], "-f", "-qq", "-o", "/dev/null"} // without --seccomp-bpf, which can miss the first call
	for _, call := range []string{"mkdirat", "fchown", "fchmod", "linkat", "renameat2"} {
		if !tonight(call, "fchown", "linkat") {
			continue
		}
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			s, as := team(t, 0o775)
			c := as[0](slices.Concat(words, []string{"-e", "trace=" + call, "-e", "inject=" + call + ":signal=KILL:when=1", s.bin, "--", "python", "-c", "pass"})...)
			out, err := c.CombinedOutput()
			require.True(t, killed(c), "%v: %s", err, out)
			r := run1(t, as[1](s.bin, "--", "python", "-c", "print('ran')"))
			require.Zero(t, r.code, "%s", r)
			require.Equal(t, "ran\n", r.out)
			s.tidy(t)
		})
	}
}
