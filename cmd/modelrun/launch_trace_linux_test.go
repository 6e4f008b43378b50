package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/modelrun/modelrun/execx/execxtest"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/uv/uvtest"
)

// call is one system call as strace prints it.
type call struct{ name, line string }

// trace runs a command under strace. It returns the calls that modelrun itself made
// until it became the program, and the total number of programs that were started.
func trace(t *testing.T, r *sandbox, args ...string) (ours []call, execs int) {
	t.Helper()
	strace := execxtest.Tool(t, "strace")
	file := filepath.Join(t.TempDir(), "trace")
	c := r.other(t, strace, append([]string{"-f", "-qq", "-o", file, r.bin}, args...)...)
	if out, err := c.CombinedOutput(); err != nil && c.ProcessState.ExitCode() != 1 { // a command that only looks exits with 1 for "no"
		if strings.Contains(string(out), "ptrace") || strings.Contains(string(out), "PTRACE") {
			t.Skipf("NOT TESTED: strace may not trace here: %s", out)
		}
		require.NoError(t, err, "%s", out)
	}
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	begin := regexp.MustCompile(`^\d+ +([a-z][a-z0-9_]*)\(`)
	for line := range strings.Lines(string(data)) {
		m := begin.FindStringSubmatch(line)
		if m == nil {
			continue // a signal, an exit, or the second half of a call
		}
		if m[1] == "execve" || m[1] == "execveat" {
			execs++
		}
		if execs < 2 {
			ours = append(ours, call{m[1], strings.TrimSpace(line)})
		}
	}
	return ours, execs
}

// changing returns the calls that change a file system or communicate with other
// processes.
func changing() []string {
	return []string{
		"creat", "truncate", "ftruncate", "fallocate", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat",
		"unlink", "unlinkat", "rmdir", "mkdir", "mkdirat", "mknod", "mknodat", "chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown",
		"fchownat", "utime", "utimes", "utimensat", "futimesat", "setxattr", "fsetxattr", "fsync", "fdatasync", "sync", "syncfs",
		"socket", "socketpair", "connect", "bind", "sendto", "sendmsg", "fork", "vfork", "kill",
	}
}

// requireLooksOnly fails for a call that changes something or starts a process.
func requireLooksOnly(t *testing.T, calls []call) {
	t.Helper()
	count := map[string]int{}
	for _, c := range calls {
		count[c.name]++
		require.NotContains(t, changing(), c.name, c.line)
		switch c.name {
		case "open", "openat", "openat2":
			require.NotRegexp(t, `\bO_(WRONLY|RDWR|CREAT|TRUNC|APPEND)\b`, c.line)
		case "clone", "clone3":
			require.Contains(t, c.line, "CLONE_THREAD", "a process is started")
		}
	}
	var names []string
	for name, n := range count {
		names = append(names, fmt.Sprintf("%s %d", name, n))
	}
	slices.Sort(names)
	t.Logf("%d system calls: %s", len(calls), strings.Join(names, ", "))
}

// TestLaunchTouchesNothing checks that a healthy start starts only the program,
// writes nothing, and contacts no other process.
func TestLaunchTouchesNothing(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	for name, args := range map[string][]string{
		"model in the folder": {"--", "python", "-c", ""},
		"with options":        {"--family", "onnx", "--", "python", "-c", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls, execs := trace(t, r, args...)
			require.Equal(t, 2, execs, "modelrun, and the program")
			requireLooksOnly(t, calls)
			for _, c := range calls {
				require.NotRegexp(t, `\bwritev?\([12],`, c.line)
			}
		})
	}
}

// TestLookingTouchesNothing checks that commands that only look run nothing and
// change nothing, whatever they find. says is the conclusion of explain.
func TestLookingTouchesNothing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		spoil func(t *testing.T, r envdir.Root, d envdir.Dir)
		says  string
	}{
		"healthy": {func(*testing.T, envdir.Root, envdir.Dir) {}, "A launch would use "},
		"none": {func(t *testing.T, r envdir.Root, _ envdir.Dir) {
			require.NoError(t, os.RemoveAll(r.Envs()))
		}, "A launch would create onnx-cpu."},
		"broken": {func(t *testing.T, _ envdir.Root, d envdir.Dir) {
			require.NoError(t, os.Remove(d.Python()))
		}, "A launch would create onnx-cpu."},
		"a file": {func(t *testing.T, _ envdir.Root, d envdir.Dir) {
			require.NoError(t, os.RemoveAll(d.Path))
			require.NoError(t, os.WriteFile(d.Path, nil, 0o600))
		}, "A launch would create onnx-cpu."},
		"never checked": {func(t *testing.T, r envdir.Root, _ envdir.Dir) {
			require.NoError(t, os.RemoveAll(r.State().Dir()))
		}, "if its imports pass a check first."},
		"read-only": {func(t *testing.T, r envdir.Root, _ envdir.Dir) {
			require.NoError(t, exec.Command("chmod", "-R", "a-w", string(r)).Run())
			t.Cleanup(func() { _ = exec.Command("chmod", "-R", "u+w", string(r)).Run() })
		}, "A launch would use "},
		"waiting in .next": {func(t *testing.T, r envdir.Root, d envdir.Dir) {
			require.NoError(t, os.MkdirAll(r.Nexts(), 0o755))
			require.NoError(t, os.Rename(d.Path, r.Next("onnx-cpu").Path))
		}, "A launch would use "},
		"being created": {func(t *testing.T, r envdir.Root, d envdir.Dir) {
			require.NoError(t, os.RemoveAll(d.Path))
			f, err := os.Open(r.Files("onnx-cpu").Lock())
			require.NoError(t, err)
			t.Cleanup(func() { _ = f.Close() })
			require.NoError(t, unix.Flock(int(f.Fd()), unix.LOCK_EX)) //nolint:gosec // a descriptor
			require.NoError(t, os.WriteFile(r.Files("onnx-cpu").Owner(), []byte(`{"schema":1,"pid":7,"host":"box","phase":"installing"}`), 0o600))
		}, "A launch would wait for the process that creates onnx-cpu"},
		"failed a moment ago": {func(t *testing.T, r envdir.Root, d envdir.Dir) {
			require.NoError(t, os.RemoveAll(d.Path))
			c := exec.Command(built, "--offline", "ensure", "--family", "onnx")
			c.Env = append(sharedSandbox(t).env, "MODELRUN_ROOT="+string(r), "MODELRUN_UV="+uvtest.Path(t), "MODELRUN_INDEX_DEFAULT=http://127.0.0.1:1")
			require.Error(t, c.Run())
			require.FileExists(t, r.Files("onnx-cpu").Failure())
		}, "A launch would fail: creating it failed "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sandboxIn(t, t.TempDir())
			s.seed(t)
			tt.spoil(t, s.root, s.shared())
			for _, sub := range []string{"which", "explain", "list", "config", "version"} {
				calls, execs := trace(t, s, sub)
				require.Equal(t, 1, execs, sub)
				requireLooksOnly(t, calls)
			}
			out, err := s.cmd(t, "explain").Output()
			require.NoError(t, err)
			require.Contains(t, string(out), tt.says)
		})
	}
}

// maxResident is the memory that modelrun itself may use until it becomes the
// program.
const maxResident = 9 << 10 // in KiB

// TestMemory stops modelrun at its call of execve and reads its peak memory.
func TestMemory(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	runtime.LockOSThread() // ptrace identifies its tracer by the thread
	defer runtime.UnlockOSThread()
	c := exec.Command(r.bin, "--", "python", "-c", "")
	c.Dir, c.Env = r.model, r.env
	c.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		t.Skipf("NOT TESTED: no ptrace here: %v", err)
	}
	pid, peak, send := c.Process.Pid, -1, 0
	var status unix.WaitStatus
	for first := true; ; first = false {
		_, err := unix.Wait4(pid, &status, 0, nil)
		require.NoError(t, err)
		if status.Exited() || status.Signaled() {
			break
		}
		send = 0
		switch sig := status.StopSignal(); {
		case first:
			require.NoError(t, unix.PtraceSetOptions(pid, unix.PTRACE_O_TRACESYSGOOD))
		case sig == unix.SIGTRAP|0x80:
			if peak < 0 && entersExec(t, pid) {
				peak = highWater(t, pid)
			}
		case sig != unix.SIGTRAP:
			send = int(sig)
		}
		if peak >= 0 {
			require.NoError(t, unix.PtraceDetach(pid))
			break
		}
		require.NoError(t, unix.PtraceSyscall(pid, send))
	}
	if peak < 0 {
		require.True(t, status.Exited())
		t.Skip("NOT TESTED: /proc/PID/syscall is not here")
	}
	require.NoError(t, c.Wait())
	t.Logf("peak before the program: %d KiB", peak)
	require.Less(t, peak, maxResident)
}

// entersExec reports whether a process that is stopped at a system call is at
// execve.
func entersExec(t *testing.T, pid int) bool {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", pid))
	if err != nil {
		return false
	}
	var number int
	_, err = fmt.Sscan(string(data), &number)
	return err == nil && number == unix.SYS_EXECVE
}

// highWater returns a process's peak resident memory in KiB.
func highWater(t *testing.T, pid int) (kib int) {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(data), "VmHWM:")
	require.True(t, ok)
	_, err = fmt.Sscan(rest, &kib)
	require.NoError(t, err)
	return kib
}
