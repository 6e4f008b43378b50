//go:build unix

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// output runs a command that must succeed, and returns its output.
func output(t *testing.T, c *exec.Cmd) string {
	t.Helper()
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	require.NoError(t, err, errs.String())
	require.Empty(t, errs.String(), "a healthy start says nothing")
	return string(out)
}

// launches returns the words that a caller types before a program, for each kind of
// command line. The tests of this file run a release build of modelrun, because
// they check starts as a caller sees them.
func launches(bin string) map[string][]string {
	return map[string][]string{
		"without options": {bin, "--"},
		"with options":    {bin, "--family", "onnx", "-q", "--"},
		"sub-command":     {bin, "run", "--no-create", "--"},
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	args := []string{
		"", " ", "a b", "\n", "a\nb\n", `"`, "'", `\`, "$HOME", "*", "--", "-", "--help", "--version", "-q", "run", "--model", "{x}",
		"\xff\xfe", "caf\xe9", "é☃", "\x01\x7f", strings.Repeat("x", 100_000), "--",
	}
	script := "import os, sys\nfor a in sys.argv[1:]: print(os.fsencode(a).hex())"
	var want strings.Builder
	for _, a := range args {
		fmt.Fprintln(&want, hex.EncodeToString([]byte(a)))
	}
	for name, words := range launches(r.bin) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			argv := slices.Concat(words[1:], []string{"python", "-c", script}, args)
			require.Equal(t, want.String(), output(t, r.other(t, words[0], argv...)))
		})
	}
	t.Run("without --", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "args.py")
		require.NoError(t, os.WriteFile(file, []byte(script), 0o600))
		require.Equal(t, want.String(), output(t, r.cmd(t, append([]string{file}, args...)...)))
		require.Equal(t, want.String(), output(t, r.cmd(t, append([]string{"python", file}, args...)...)))
		require.Equal(t, want.String(), output(t, r.cmd(t, append([]string{"-q", "python", file}, args...)...)))
	})
}

// TestExitCodes checks that every exit code of the program is passed on, even those
// that modelrun itself uses (125 …).
func TestExitCodes(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	for code := range 256 {
		c := r.cmd(t, "--", "sh", "-c", "exit "+strconv.Itoa(code))
		_ = c.Run() // the exit code is checked
		require.Equal(t, code, c.ProcessState.ExitCode())
	}
	for _, code := range []int{0, 1, 42, 120, 255} {
		c := r.cmd(t, "--family", "onnx", "--", "python", "-c", fmt.Sprintf("raise SystemExit(%d)", code))
		_ = c.Run()
		require.Equal(t, code, c.ProcessState.ExitCode())
	}
}

func TestDeathBySignal(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGSEGV, syscall.SIGABRT, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			script := fmt.Sprintf(`import os, resource, signal
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
if %[1]d != signal.SIGKILL: signal.signal(%[1]d, signal.SIG_DFL)
os.kill(os.getpid(), %[1]d)`, sig)
			ours, plain := r.cmd(t, "--", "python", "-c", script), r.other(t, r.python(), "-c", script)
			_, _ = ours.Run(), plain.Run()
			require.True(t, waitStatus(t, ours).Signaled())
			require.Equal(t, waitStatus(t, plain), waitStatus(t, ours))
		})
	}
}

func waitStatus(t *testing.T, c *exec.Cmd) syscall.WaitStatus {
	t.Helper()
	status, ok := c.ProcessState.Sys().(syscall.WaitStatus)
	require.True(t, ok)
	return status
}

// TestSignals checks that a signal to the pid that the caller started reaches the
// program.
func TestSignals(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	for _, sig := range []syscall.Signal{
		syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH,
	} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			p := start(t, r.cmd(t, "--", "python", "-c", fmt.Sprintf(`import os, signal, time
def got(n, frame):
    os.write(1, b"got %%d\n" %% n)
    os._exit(7)
signal.signal(%d, got)
print(os.getpid(), flush=True)
while True: time.sleep(0.01) # not pause(), which would miss a signal that came just before it`, sig)))
			require.Equal(t, strconv.Itoa(p.Process.Pid), p.line(t), "the program has the pid that was started")
			require.NoError(t, p.Process.Signal(sig))
			require.Equal(t, fmt.Sprintf("got %d", sig), p.line(t))
			_ = p.Wait()
			require.Equal(t, 7, p.ProcessState.ExitCode())
		})
	}
}

// TestInherited compares what a process inherits from its parent, directly and
// through modelrun.
func TestInherited(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	for name, script := range map[string]string{
		"umask":           `umask 027; exec "$@" -c 'umask'`,
		"open files":      `ulimit -Sn 777; exec "$@" -c 'ulimit -Sn; ulimit -Hn'`,
		"other limits":    `ulimit -Ss 4096; exec "$@" -c 'ulimit -Ss; ulimit -c; ulimit -v'`,
		"directory":       `cd / && cd usr/bin; exec "$@" -c 'pwd -P; pwd'`,
		"parent":          `exec "$@" -c 'echo $PPID'`,
		"closed stdin":    `exec "$@" -c 'read x; echo "$? $x"' <&-`,
		"nothing to read": `exec "$@" -c 'cat; echo end' </dev/null`,
		"hang-up ignored": `trap "" HUP; exec "$@" -c 'kill -HUP $$; echo alive'`,
		"Ctrl-C ignored":  `trap "" INT; exec "$@" -c 'kill -INT $$; echo alive'`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := []string{"MODELRUN_MODEL=" + r.model}
			plain := r.other(t, "/bin/sh", "-c", script, "sh", "/bin/sh")
			ours := r.other(t, "/bin/sh", "-c", script, "sh", r.bin, "--", "/bin/sh")
			ours.Env = append(env, r.env...)
			require.Equal(t, output(t, plain), output(t, ours))
		})
	}
}

// TestClosedStreams checks closed standard descriptors. Go's runtime opens
// /dev/null for them. None of our files, least of all the lease, may become the
// program's stdout, and a program that writes to it must do no harm.
func TestClosedStreams(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	file := filepath.Join(t.TempDir(), "seen")
	script := `exec "$@" <&- >&- 2>&-`
	output(t, r.other(t, "/bin/sh", "-c", script, "sh", r.bin, "--", "python", "-c", `import os, sys
with open(sys.argv[1], "w") as f:
    for fd in 0, 1, 2:
        a, b = os.fstat(fd), os.stat("/dev/null")
        f.write(f"{a.st_rdev == b.st_rdev} ")`, file))
	seen, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "True True True ", string(seen))
}

func TestDescriptors(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	c := r.cmd(t, "--", "python", "-c", `import os
print(os.read(3, 9), os.write(4, b"answer"))`)
	in, give, err := os.Pipe()
	require.NoError(t, err)
	get, out, err := os.Pipe()
	require.NoError(t, err)
	_, err = give.WriteString("question")
	require.NoError(t, err)
	require.NoError(t, give.Close())
	c.ExtraFiles = []*os.File{in, out}
	require.Equal(t, "b'question' 6\n", output(t, c))
	require.NoError(t, out.Close())
	answer, err := io.ReadAll(get)
	require.NoError(t, err)
	require.Equal(t, "answer", string(answer))
}

// TestStreams sends arbitrary bytes through stdin and stdout.
func TestStreams(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	data := make([]byte, 1<<20)
	for sum, i := sha256.Sum256(nil), 0; i < len(data); i += copy(data[i:], sum[:]) {
		sum = sha256.Sum256(sum[:])
	}
	for name, words := range launches(r.bin) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := r.other(t, words[0], append(words[1:], "python", "-c", "import shutil, sys; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)")...)
			c.Stdin = bytes.NewReader(data)
			require.True(t, bytes.Equal(data, []byte(output(t, c))))
		})
	}
}

// TestEnvironment checks that variables that modelrun does not set or remove arrive
// unchanged and in order. If a name occurs twice, the first one stays, as in
// getenv.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	venv := filepath.Join(string(r.root), ".envs", "onnx-cpu", ".venv")
	path := searchPath()
	env, err := exec.LookPath("env")
	require.NoError(t, err)
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	// os/exec itself would keep only one of two variables with the same name.
	p, err := os.StartProcess(r.bin, []string{r.bin, "--", env}, &os.ProcAttr{Dir: r.model, Files: []*os.File{nil, file, os.Stderr}, Env: append(slices.Clone(r.env),
		"ZED=1", "A=2", "PATH=/nowhere", "A=3", "EMPTY=", "BYTES=\xff\xfe", "WITH==x=", "PYTHONPATH=", "PYTHONHOME=/gone",
		"PYTHONEXECUTABLE=/gone", "__PYVENV_LAUNCHER__=/gone", "VIRTUAL_ENV=/other", "MODELRUN_ACTIVE_KEY=another", "lower=x", "LOWER=y")})
	require.NoError(t, err)
	state, err := p.Wait()
	require.NoError(t, err)
	require.True(t, state.Success())
	data, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	require.NoError(t, file.Close())
	got := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	nest := slices.IndexFunc(got, func(v string) bool { return strings.HasPrefix(v, "MODELRUN_ACTIVE_NEST=1@") })
	require.GreaterOrEqual(t, nest, 0)
	want := []string{r.env[0], r.env[2], r.env[3], r.env[4], r.env[5], "ZED=1", "A=2", "EMPTY=", "BYTES=\xff\xfe", "WITH==x=", "PYTHONPATH=", "lower=x", "LOWER=y"}
	require.Equal(t, want, got[:len(want)])
	require.ElementsMatch(t, []string{
		"VIRTUAL_ENV=" + venv, "PATH=" + filepath.Join(venv, "bin") + ":" + path, "PYTHONNOUSERSITE=1",
		"MODELRUN_ACTIVE_KEY=onnx-cpu", "MODELRUN_ACTIVE_ENV=" + venv, "MODELRUN_ACTIVE_STRATEGY=shared", "MODELRUN_ACTIVE_DEGRADED=0",
		"MODELRUN_ACTIVE_ROOT=" + string(r.root), "MODELRUN_ACTIVE_MODEL=" + r.model, "MODELRUN_ACTIVE_CWD=" + r.model, got[nest],
	}, got[len(want):])
}

// TestLease checks that the program holds the lease, without knowing it, until it
// ends. The test does not run in parallel, because other starts hold the same
// lease.
func TestLease(t *testing.T) {
	r := sharedSandbox(t)
	p := start(t, r.cmd(t, "--", "python", "-c", "print('runs', flush=True); input()"))
	require.Equal(t, "runs", p.line(t))
	file, err := os.Open(filepath.Join(string(r.root), ".envs", ".locks", "onnx-cpu.use"))
	require.NoError(t, err)
	defer file.Close()
	exclusive := func() error { return unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) } //nolint:gosec // a descriptor
	require.ErrorIs(t, exclusive(), unix.EWOULDBLOCK)
	_, err = io.WriteString(p.in, "\n")
	require.NoError(t, err)
	require.NoError(t, p.Wait())
	require.NoError(t, exclusive())
}
