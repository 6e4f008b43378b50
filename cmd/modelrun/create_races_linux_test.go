package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx/execxtest"
)

func (s *sandbox) many(t *testing.T, n int, args ...string) (cmds []*exec.Cmd) {
	t.Helper()
	for range n {
		cmds = append(cmds, s.cmd(t, args...))
	}
	return cmds
}

// TestRaceColdStarts starts 64 processes at once that need a missing env. One of
// them creates it.
func TestRaceColdStarts(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	s.tool(t, "")
	for _, r := range crowd(t, s.many(t, 64, "--", "python", "-c", "print('ran')")) {
		require.Zero(t, r.code, "%s", r)
		require.Equal(t, "ran\n", r.out, "%s", r)
	}
	require.Len(t, s.lines("syncs"), 1)
	require.Equal(t, 1, s.logs(t))
	s.tidy(t)
}

// TestRaceKilledCreators kills the first 7 of 64 creators (by day the first 3 of
// 24), each in the middle of its work. The others do not fail, and one complete env
// is published.
func TestRaceKilledCreators(t *testing.T) {
	t.Parallel()
	kills := many(7, 3)
	s := newSandbox(t)
	// The first ones hang until they are killed, with half an env in their staging
	// folder.
	s.tool(t, `test $(wc -l <"$SANDBOX/syncs") -gt `+strconv.Itoa(kills)+` || { mkdir -p .venv/lib/half; while :; do sleep 0.05; done; }`)
	var killed sync.Map
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; n < kills; {
			pids := s.lines("syncs")
			for _, line := range pids[min(n, len(pids)):min(kills, len(pids))] {
				if pid, err := strconv.Atoi(line); err == nil {
					killed.Store(pid, true)
					_ = syscall.Kill(pid, syscall.SIGKILL)
				}
				n++
			}
			select {
			case <-t.Context().Done():
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	cmds := s.many(t, many(64, 24), "--", "python", "-c", "print('ran')")
	all := crowd(t, cmds)
	<-done
	dead := 0
	for i, r := range all {
		if _, ok := killed.Load(cmds[i].Process.Pid); ok {
			dead++
			require.Equal(t, -1, r.code, "%s", r)
			continue
		}
		require.Zero(t, r.code, "%s", r)
		require.Equal(t, "ran\n", r.out, "%s", r)
	}
	require.Equal(t, kills, dead)
	require.Len(t, s.lines("syncs"), kills+1)
	require.FileExists(t, s.shared().Ready())
	require.NoDirExists(t, filepath.Join(s.shared().Venv(), "lib", "half"))
	s.starts(t, "--no-create")
	s.tidy(t)
}

// TestRaceWaitersOnAFailure lets 64 processes wait for a creation that fails. There
// is one attempt, and each process gets its error.
func TestRaceWaitersOnAFailure(t *testing.T) {
	t.Parallel()
	for name, old := range map[string]bool{"no old env": false, "an old env": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSandbox(t)
			n := 64
			if old {
				n = many(64, 8)
				copyAll(t, sharedSandbox(t).shared().Path, filepath.Join(s.dir, "old"))
				require.NoError(t, os.MkdirAll(s.root.Environments(), 0o755))
				require.NoError(t, os.Rename(filepath.Join(s.dir, "old"), s.oldEnv(t).Path))
				module, err := filepath.Glob(filepath.Join(s.oldEnv(t).Venv(), "lib/python*/site-packages/onnxruntime/__init__.py"))
				require.NoError(t, err)
				require.NoError(t, os.Remove(module[0]))
				require.NoError(t, os.WriteFile(module[0], []byte("raise ImportError('it is old')\n"), 0o600))
			}
			s.tool(t, `while ! test -e "$SANDBOX/go"; do sleep 0.05; done; echo "error: the disk ate it" >&2; exit 2`)
			var waiting atomic.Int32
			cmds := s.many(t, n, "--", "python", "-c", "print('ran')")
			logs := make([]*watched, n)
			var all sync.WaitGroup
			for i, c := range cmds {
				logs[i] = &watched{word: "is already being created by process", seen: func() { waiting.Add(1) }}
				c.Stderr = logs[i]
				var out bytes.Buffer
				c.Stdout = &out
				all.Go(func() {
					_ = c.Run() // the exit code is checked below
					logs[i].out = out.String()
				})
			}
			until(t, "waiting", func() bool { return int(waiting.Load()) >= n-1 })
			require.NoError(t, os.WriteFile(filepath.Join(s.dir, "go"), nil, 0o600))
			all.Wait()
			for i, c := range cmds {
				text := logs[i].text()
				require.Contains(t, text, "the disk ate it")
				require.Contains(t, text, "(log: ")
				require.NotContains(t, text, "for 2562047h", "an age of 292 years")
				if old {
					require.Zero(t, c.ProcessState.ExitCode(), text)
					require.Equal(t, "ran\n", logs[i].out)
					require.Contains(t, text, "as last resort")
					require.Contains(t, text, "degraded: ")
				} else {
					helpful(t, ran{c.ProcessState.ExitCode(), logs[i].out, text})
				}
			}
			require.Len(t, s.lines("syncs"), 1)
			require.Equal(t, 1, s.logs(t))
			s.tidy(t)
		})
	}
}

// watched is a stderr that calls seen when it contains a word.
type watched struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	word string
	seen func()
	out  string
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	had := strings.Contains(w.buf.String(), w.word)
	n, err := w.buf.Write(p)
	if !had && strings.Contains(w.buf.String(), w.word) {
		w.seen()
	}
	return n, err
}

func (w *watched) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

// noLocks simulates a file system without locks for uv: flock fails below $NOLOCK.
const noLocks = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int flock(int fd, int op) {
  char link[64], path[4096];
  const char *root = getenv("NOLOCK");
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, sizeof path - 1);
  if (n > 0 && root && !strncmp(path, root, strlen(root))) { errno = atoi(getenv("NOLOCK_ERRNO")); return -1; }
  return ((int (*)(int, int))dlsym(RTLD_NEXT, "flock"))(fd, op);
}`

// TestRaceWithoutLocks lets two creators build at the same time on a file system
// without locks. Both succeed, and one complete env is published. strace makes
// modelrun's own locks fail, because modelrun is linked statically. A library makes
// uv's locks fail.
func TestRaceWithoutLocks(t *testing.T) {
	t.Parallel()
	execxtest.Tool(t, "strace")
	execxtest.Tool(t, "gcc")
	source, library := filepath.Join(t.TempDir(), "nolocks.c"), filepath.Join(t.TempDir(), "nolocks.so")
	require.NoError(t, os.WriteFile(source, []byte(noLocks), 0o600))
	out, err := exec.Command("gcc", "-shared", "-fPIC", "-o", library, source, "-ldl").CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, e := range sample([]syscall.Errno{syscall.ENOLCK, syscall.ENOSYS, syscall.EBADF, syscall.EOPNOTSUPP}, 0) {
		name := map[syscall.Errno]string{syscall.ENOLCK: "ENOLCK", syscall.ENOSYS: "ENOSYS", syscall.EBADF: "EBADF", syscall.EOPNOTSUPP: "EOPNOTSUPP"}[e]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSandbox(t)
			s.tool(t, `until test $(wc -l <"$SANDBOX/syncs") -ge 2; do sleep 0.05; done`)
			s.set("LD_PRELOAD="+library, "NOLOCK="+string(s.root), "NOLOCK_ERRNO="+strconv.Itoa(int(e)))
			var cmds []*exec.Cmd
			for range 2 {
				args := []string{"-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", "trace=flock", "-e", "signal=none", "-e", "inject=flock:error=" + name}
				for _, file := range []string{s.root.Files(onnx).Lock(), s.root.Lease(s.shared()), s.root.Lease(s.next())} {
					args = append(args, "-P", file)
				}
				cmds = append(cmds, s.other(t, "strace", append(append(args, s.bin), "--", "python", "-c", "print('ran')")...))
			}
			for _, r := range crowd(t, cmds) {
				if strings.Contains(r.err, "PTRACE") || strings.Contains(r.err, "ptrace") {
					t.Skipf("NOT TESTED: strace may not trace here: %s", r.err)
				}
				require.Zero(t, r.code, "%s", r)
				require.Equal(t, "ran\n", r.out, "%s", r)
			}
			require.Len(t, s.lines("syncs"), 2, "both were at it at the same time")
			require.FileExists(t, s.shared().Ready())
			require.NoDirExists(t, s.next().Path)
			s.tidy(t)
			require.NotContains(t, names(filepath.Dir(s.root.Cache())), "wheels-v8")
		})
	}
}

// TestRaceBeaten checks a creator when another one publishes first, which can
// happen where locks do not work. It uses the other's env only if that env works
// here, because it has probed only its own.
func TestRaceBeaten(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]bool{"the other's works": false, "the other's does not": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newHealthySandbox(t)
			theirs := filepath.Join(s.dir, "theirs")
			require.NoError(t, os.Rename(s.shared().Path, theirs))
			require.NoError(t, os.RemoveAll(string(s.root)))
			if broken {
				files, err := filepath.Glob(filepath.Join(theirs, ".venv/lib/python*/site-packages/onnxruntime/__init__.py"))
				require.NoError(t, err)
				require.Len(t, files, 1)
				require.NoError(t, os.Remove(files[0]))
			}
			s.tool(t, `test -e "$MODELRUN_ROOT/.envs/onnx-cpu" || cp -a "$SANDBOX/theirs" "$MODELRUN_ROOT/.envs/onnx-cpu"`)
			r := s.run(t, "--", "python", "-c", "import onnxruntime")
			if broken {
				require.Equal(t, 125, r.code, "%s", r)
				require.Contains(t, r.err, "create: another creator was first, and its environment cannot be used: onnx-cpu is broken: ")
			} else {
				require.Zero(t, r.code, "%s", r)
			}
			s.tidy(t)
			s.starts(t)
		})
	}
}

// TestPruneWithoutLocks checks that prune keeps a replaced env if there are no
// locks. Without locks, modelrun cannot know whether a program on another machine
// runs in it.
func TestPruneWithoutLocks(t *testing.T) {
	t.Parallel()
	execxtest.Tool(t, "strace")
	s := newSandbox(t)
	old := s.root.Retired(string(onnx), "01234567")
	require.NoError(t, os.MkdirAll(filepath.Join(old, ".venv"), 0o755))
	require.NoError(t, os.MkdirAll(s.root.Locks(), 0o755))
	prune := []string{"--root", string(s.root), "prune", "--yes"}
	nolocks := append([]string{"-f", "-qq", "-o", "/dev/null", "-e", "trace=flock", "-e", "signal=none", "-e", "inject=flock:error=ENOLCK", s.bin}, prune...)
	for _, planned := range []bool{false, true} { // locks fail when the plan is carried out, or already when it is made
		if planned {
			require.NoError(t, os.WriteFile(s.root.Files(onnx).Lock(), nil, 0o600))
		}
		out, _ := s.other(t, "strace", nolocks...).CombinedOutput() // exit code 1: the env still exists
		if strings.Contains(string(out), "ptrace") {
			t.Skipf("NOT TESTED: strace may not trace here: %s", out)
		}
		require.Contains(t, string(out), "there are no locks here")
		require.DirExists(t, old)
	}
	out, err := s.other(t, s.bin, prune...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoDirExists(t, old)
}

// late is a program that fails if its env is replaced while it runs. Modules that
// it imports late must still come from the same env.
const late = `
import os, sys
def mine(): i = os.stat(sys.prefix); return i.st_dev, i.st_ino
before = mine()
import onnxruntime, time
time.sleep(float(os.environ.get("LATE", "0")))
import uvicorn
assert mine() == before, "the env was replaced under a program"
assert sys.prefix == os.environ["MODELRUN_ACTIVE_ENV"], sys.prefix
`

// TestRaceRebuildAgainstStarts checks starts during rebuilds, promotions and
// prunes. No start fails, and no env in use is changed.
func TestRaceRebuildAgainstStarts(t *testing.T) {
	t.Parallel()
	s := newHealthySandbox(t)
	s.set("LATE=0.02")
	var left atomic.Int32
	left.Store(int32(many(20_000, 120)))
	var starts sync.WaitGroup
	var failed atomic.Pointer[ran]
	for range 4 {
		starts.Go(func() {
			for left.Add(-1) >= 0 && failed.Load() == nil {
				// A creation would hide a moment without an env, so creation is
				// forbidden.
				if r := run1(t, s.cmd(t, "--no-create", "--no-degraded", "--", "python", "-c", late)); r.code != 0 {
					failed.Store(&r)
				}
			}
		})
	}
	rebuilt, postponed, refused := 0, 0, 0
	prunes := s.run(t, "prune").code == 0
	for left.Load() > 0 && failed.Load() == nil {
		r := s.run(t, "ensure", "--rebuild")
		switch {
		case strings.Contains(r.err, "is in use") && r.code == 125:
			refused++
		case strings.Contains(r.err, "the new environment is used from"):
			postponed++
		default:
			rebuilt++
		}
		if r.code != 0 {
			require.Contains(t, r.err, "is in use", "%s", r)
		}
		if prunes {
			r = s.run(t, "prune", "--yes")
			require.Contains(t, []int{0, 1}, r.code, "%s", r)
		}
	}
	starts.Wait()
	if r := failed.Load(); r != nil {
		t.Fatalf("a start failed: %s", r)
	}
	t.Logf("%d rebuilt in place, %d in .next, %d refused; prune: %t", rebuilt, postponed, refused, prunes)
	require.Positive(t, rebuilt+postponed)
	// The waiting env is promoted once no program is in the way. The start that
	// promotes it already uses it.
	until(t, "the promotion", func() bool { s.starts(t); return !exists(s.next().Path) })
	require.Contains(t, s.starts(t).out, s.shared().Venv())
	s.tidy(t)
}

// TestRaceOddUsers checks leases that leaked to a daemon, or were lost by closing
// every descriptor. The lease or /proc still shows that a program runs in the env, so
// the env is not replaced.
func TestRaceOddUsers(t *testing.T) {
	t.Parallel()
	for name, program := range map[string]string{
		"descriptors closed":             `os.closerange(3, 4096); say()`,
		"a daemon with the lease only":   `daemon(["/bin/sh", "-c", "echo running; read x"], close_fds=False, env={}, executable="/bin/sh")`,
		"a daemon without both":          `daemon([sys.executable, "-c", "print('running', flush=True); input()"], close_fds=True, env={})`,
		"a daemon with its environment":  `daemon(["/bin/sh", "-c", "echo running; read x"], close_fds=True)`,
		"the environment of a sub-shell": `os.closerange(3, 4096); os.execv("/bin/sh", ["sh", "-c", "echo running; read x"])`,
	} {
		if !tonight(name, "a daemon with the lease only", "a daemon without both") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newHealthySandbox(t)
			code := "import os, sys, subprocess\ndef say():\n print('running', flush=True)\n input()\n" +
				"def daemon(*a, **k):\n subprocess.Popen(*a, **k)\n os._exit(0)\n" + program
			c := s.cmd(t, "--", "python", "-c", code)
			p := start(t, c)
			require.Equal(t, "running", p.line(t))
			before, was := photo(t, s.shared().Path), inode(t, s.shared().Path)

			r := s.run(t, "ensure", "--rebuild")
			require.Zero(t, r.code, "%s", r)
			require.Contains(t, r.err, "is in use", "%s", r)
			require.Contains(t, r.err, "the new environment is used from "+s.next().Path, "%s", r)
			require.Equal(t, before, photo(t, s.shared().Path))
			require.True(t, os.SameFile(was, inode(t, s.shared().Path)))
			require.Contains(t, s.starts(t).out, s.next().Venv(), "used at once")

			require.NoError(t, p.in.Close()) // the program ends
			until(t, "the promotion", func() bool { s.starts(t); return !exists(s.next().Path) })
			require.Contains(t, s.starts(t).out, s.shared().Venv())
			require.False(t, os.SameFile(was, inode(t, s.shared().Path)))
		})
	}
}

// TestRaceThirdBuild checks a third build while programs run in the published env
// and in the waiting one. It is refused before anything is downloaded, and both
// programs keep their files.
func TestRaceThirdBuild(t *testing.T) {
	t.Parallel()
	s := newHealthySandbox(t)
	s.tool(t, "")
	program := []string{"--", "python", "-c", "import os, sys\nprint(sys.prefix, flush=True)\ninput()\n" + late}
	first := start(t, s.cmd(t, program...))
	require.Equal(t, s.shared().Venv(), first.line(t))
	r := s.run(t, "ensure", "--rebuild")
	require.Zero(t, r.code, "%s", r)
	second := start(t, s.cmd(t, program...))
	require.Equal(t, s.next().Venv(), second.line(t))
	syncs := len(s.lines("syncs"))

	r = s.run(t, "ensure", "--rebuild")
	helpful(t, r)
	require.Contains(t, r.err, s.next().Path+" is in use by ", "%s", r)
	require.Len(t, s.lines("syncs"), syncs, "before anything is downloaded")
	for _, p := range []*started{first, second} {
		_, err := p.in.Write([]byte("go on\n"))
		require.NoError(t, err)
		require.NoError(t, p.Wait())
	}
	until(t, "the promotion", func() bool { s.starts(t); return !exists(s.next().Path) })
	s.tidy(t)
}

// TestRaceOneProbe starts 64 processes at once that find an env without a verdict.
// One of them probes it.
func TestRaceOneProbe(t *testing.T) {
	t.Parallel()
	s := newHealthySandbox(t)
	site, err := filepath.Glob(filepath.Join(s.shared().Venv(), "lib/python*/site-packages"))
	require.NoError(t, err)
	// A probe runs python in isolated mode; the program does not.
	count := "import sys, os; sys.flags.isolated and open(os.path.join(os.environ['PROBES'], str(os.getpid())), 'a')\n"
	require.NoError(t, os.WriteFile(filepath.Join(site[0], "count.pth"), []byte(count), 0o600))
	probes := filepath.Join(s.dir, "probes")
	require.NoError(t, os.Mkdir(probes, 0o755))
	s.set("PROBES=" + probes)
	for _, r := range crowd(t, s.many(t, 64, "--no-create", "--", "python", "-S", "-c", "print('ran')")) {
		require.Zero(t, r.code, "%s", r)
		require.Equal(t, "ran\n", r.out, "%s", r)
	}
	require.Len(t, names(probes), 1)
}

// TestRestartsOfAService checks a service whose index does not answer and that is
// restarted every 30 s. Within 10 minutes it tries at most 5 times, and gives the
// reason each time.
func TestRestartsOfAService(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	s.set("MODELRUN_INDEX_DEFAULT=http://127.0.0.1:1/simple", "MODELRUN_INDEX_TORCH=http://127.0.0.1:1/simple", "UV_HTTP_RETRIES=0")
	attempts := 0
	for range 20 {
		r := s.run(t, "--", "python", "-c", "pass")
		helpful(t, r)
		require.Contains(t, r.err, "127.0.0.1:1", "%s", r)
		require.Contains(t, r.err, "(log: ", "%s", r)
		if strings.Contains(r.err, "Creating new shared environment") {
			attempts++
		} else {
			require.Contains(t, r.err, "is tried again in ", "%s", r)
		}
		later(t, s, 30*time.Second)
	}
	require.LessOrEqual(t, attempts, 5)
	require.Greater(t, attempts, 2, "it is tried again")
	require.Equal(t, attempts, s.logs(t))
}

// later makes the last failure older, as if time had passed.
func later(t *testing.T, s *sandbox, by time.Duration) {
	t.Helper()
	data, err := os.ReadFile(s.root.Files(onnx).Failure())
	require.NoError(t, err)
	var f map[string]any
	require.NoError(t, json.Unmarshal(data, &f))
	at, err := time.Parse(time.RFC3339Nano, f["finished"].(string))
	require.NoError(t, err)
	f["finished"] = at.Add(-by)
	data, err = json.Marshal(f)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(s.root.Files(onnx).Failure(), data, 0o600))
}

// TestWaitForACreatorThatStandsStill checks a creator that makes no progress. A
// waiting process names the creator, and exits with 124. When the creator dies,
// another waiting process takes over.
func TestWaitForACreatorThatStandsStill(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	s.tool(t, `test -e "$SANDBOX/go" || while :; do sleep 0.05; done`)
	creator := s.cmd(t, "--", "python", "-c", "pass")
	require.NoError(t, creator.Start())
	t.Cleanup(func() { _ = creator.Process.Kill(); _ = creator.Wait() })
	until(t, "installing", func() bool { return len(s.lines("syncs")) == 1 })
	require.NoError(t, creator.Process.Signal(syscall.SIGSTOP))

	host, err := os.Hostname()
	require.NoError(t, err)
	who := fmt.Sprintf(`process %d of \S+ on %s, installing, for \d+s`, creator.Process.Pid, regexp.QuoteMeta(host))
	r := s.run(t, "--wait", "1s", "--", "python", "-c", "pass")
	require.Equal(t, 124, r.code, "%s", r)
	require.Regexp(t, `Environment onnx-cpu is already being created by `+who, r.err)
	require.Regexp(t, `create: onnx-cpu is being created by `+who+`, which made no progress for 1s`, r.err)
	require.Contains(t, r.err, "hint: ")

	var waits atomic.Bool
	waiter := s.cmd(t, "--", "python", "-c", "print('ran')")
	log := &watched{word: "is already being created by process", seen: func() { waits.Store(true) }}
	var out bytes.Buffer
	waiter.Stderr, waiter.Stdout = log, &out
	require.NoError(t, waiter.Start())
	until(t, "waiting", waits.Load)
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, "go"), nil, 0o600))
	dead := time.Now()
	require.NoError(t, creator.Process.Kill())
	until(t, "taking over", func() bool { return strings.Contains(log.text(), "Creating new shared environment") })
	t.Logf("a dead creator was taken over after %s", time.Since(dead).Round(time.Millisecond))
	require.NoError(t, waiter.Wait(), log.text())
	require.Equal(t, "ran\n", out.String())
	s.tidy(t)
}

// TestRootInAnImage checks a root in a layer of an image. overlayfs cannot move a
// folder of a lower layer. The new env stays in .next, is used from there, and is
// never missing.
func TestRootInAnImage(t *testing.T) {
	t.Parallel()
	s := newHealthySandbox(t)
	// An overlay cannot have its upper layer on another overlay, so this is a
	// separate disk.
	disk := filepath.Join(s.dir, "disk")
	mount(t, disk, "-t", "tmpfs", "tmpfs")
	lower := filepath.Join(disk, "lower")
	copyAll(t, string(s.root), lower)
	require.NoError(t, os.RemoveAll(string(s.root)))
	for _, d := range []string{"upper", "work"} {
		require.NoError(t, os.Mkdir(filepath.Join(disk, d), 0o755))
	}
	mount(t, string(s.root), "-t", "overlay", "overlay", "-o", fmt.Sprintf("lowerdir=%s,upperdir=%s/upper,workdir=%s/work,redirect_dir=off", lower, disk, disk))
	image := photo(t, lower)
	require.Contains(t, s.starts(t).out, s.shared().Venv())

	r := s.run(t, "ensure", "--rebuild")
	require.Zero(t, r.code, "%s", r)
	require.Contains(t, r.err, "cannot be moved: ", "%s", r)
	was := inode(t, s.next().Path)
	for _, r := range crowd(t, s.many(t, 24, "--no-create", "--", "python", "-c", "import sys; print(sys.prefix)")) {
		require.Zero(t, r.code, "%s", r)
		require.Equal(t, s.next().Venv()+"\n", r.out, "never the older one: %s", r)
	}
	require.True(t, os.SameFile(was, inode(t, s.next().Path)))
	r = s.run(t, "ensure", "--rebuild")
	require.Zero(t, r.code, "%s", r)
	require.False(t, os.SameFile(was, inode(t, s.next().Path)))
	require.Contains(t, s.starts(t).out, s.next().Venv())
	require.Equal(t, image, photo(t, lower))
	s.tidy(t)
}
