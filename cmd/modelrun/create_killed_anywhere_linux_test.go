package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx/execxtest"
	"github.com/modelrun/modelrun/resolve/uv/uvtest"
)

// killPoint is the nth call of one kind that modelrun makes.
type killPoint struct {
	call string
	nth  int
}

// killPoints returns the calls of a creation at which it can be killed. The main
// goroutine is locked to the main thread and makes all these calls, so their order
// is the same each time.
func killPoints(t *testing.T, b before) (points []killPoint) {
	t.Helper()
	r := newCrashSandbox(t, b)
	file := filepath.Join(t.TempDir(), "trace")
	out, err := r.traced(t, b, "-o", file).CombinedOutput()
	require.NoError(t, err, "%s", out)
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	text, _, _ := strings.Cut(string(data), `/python", ["`) // the rest belongs to the program
	count := map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z][a-z0-9_]*)\((.*)$`).FindAllStringSubmatch(text, -1) {
		if count[m[1]]++; slices.Contains(killedAt(), m[1]) && !strings.Contains(m[2], `"/proc`) {
			points = append(points, killPoint{m[1], count[m[1]]})
		}
	}
	return points
}

// killedAt returns the system calls before which SIGKILL is sent: those that
// change, wait for or begin something.
func killedAt() []string {
	return []string{"openat", "write", "mkdirat", "renameat", "renameat2", "unlinkat", "clone", "clone3", "fsync", "syncfs", "flock", "utimensat", "waitid", "pipe2"}
}

// traced returns the command, in its release build, under strace. Only its main
// thread is traced.
func (r *crashSandbox) traced(t *testing.T, b before, words ...string) *exec.Cmd {
	t.Helper()
	argv := slices.Concat([]string{strace(t)[0], "-qq"}, words, []string{release(t)}, r.cmd(t, before{run: b.run}, "").Args[1:])
	c := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	c.Dir, c.Env = string(r.Root), r.cmd(t, before{}, "").Env
	c.Env = slices.DeleteFunc(c.Env, func(v string) bool { return strings.HasPrefix(v, "MODELRUN_FAILPOINT=") })
	return c
}

// few returns how many of a situation's points are tried. The points are chosen at
// random. The name of a failed test names the point.
func few(situation string) int {
	switch {
	case !nightly():
		return 4
	case situation == "broken":
		return 10_000
	}
	return 50 // most of their calls are the same
}

// TestKilledAtAnyCall sends SIGKILL at any system call of a creation, and checks
// that the next start heals each time. The nightly run tries all calls, other runs
// only a few.
func TestKilledAtAnyCall(t *testing.T) {
	t.Parallel()
	var tried, hit atomic.Int32
	t.Cleanup(func() {
		t.Logf("%d of %d points were reached", hit.Load(), tried.Load())
		require.Greater(t, 10*hit.Load(), 8*tried.Load(), "the calls are not the same each time")
	})
	for name, b := range crashes() {
		if name != "broken" && !nightly() {
			continue
		}
		if b.noSwap || strings.HasPrefix(name, "waiting") || name == "killed before" {
			continue // see TestKilledAtEachStep
		}
		points := killPoints(t, b)
		require.Greater(t, len(points), 200)
		if n := few(name); n < len(points) {
			rand.Shuffle(len(points), func(i, j int) { points[i], points[j] = points[j], points[i] })
			points = points[:n]
		}
		for _, p := range points {
			t.Run(fmt.Sprintf("%s/%s %d", name, p.call, p.nth), func(t *testing.T) {
				t.Parallel()
				r := newCrashSandbox(t, b)
				tried.Add(1)
				c := r.traced(t, b, "-o", "/dev/null", "-e", "trace="+p.call, "-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", p.call, p.nth))
				out, err := c.CombinedOutput()
				if killed(c) {
					hit.Add(1)
				} else {
					require.NoError(t, err, "%s", out)
				}
				r.requireHeals(t, b)
			})
		}
	}
}

// TestInstallerKilledMidway kills uv within a package, at its nth hard link. pip
// and uv would both consider the partial package installed. The test checks that
// nothing of it becomes visible, and that the next attempt heals.
func TestInstallerKilledMidway(t *testing.T) {
	t.Parallel()
	b := crashes()["broken"]
	points := []int{3}
	if nightly() {
		for n := range 40 {
			points = append(points, n+1)
		}
	}
	for _, n := range points {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			r := newCrashSandbox(t, b)
			c := r.traced(t, b, "-f", "-o", "/dev/null", "-e", "trace=linkat", "-e", fmt.Sprintf("inject=linkat:signal=KILL:when=%d", n))
			out, _ := c.CombinedOutput()
			if c.ProcessState.ExitCode() == 0 { // uv divides its links among threads, and this one made fewer
				require.Greater(t, n, 3, "%s", out)
				return
			}
			if killed(c) { // this link was one of modelrun's own, for byte code
				require.Greater(t, n, 3, "%s", out)
				r.requireHeals(t, b)
				return
			}
			require.Equal(t, 125, c.ProcessState.ExitCode(), "%s", out)
			require.Contains(t, string(out), "uv was killed")
			require.Empty(t, entries(t, r.Tmp()))
			r.requireWhole(t)
			r.next(t, b, "ensure")
			r.requireHeals(t, b)
		})
	}
}

// TestInstallerOutlivesUs kills modelrun while uv installs, but not uv. uv
// continues in a folder that the next start has meanwhile removed.
func TestInstallerOutlivesUs(t *testing.T) {
	t.Parallel()
	b := crashes()["broken"]
	r := newCrashSandbox(t, b)
	slow := filepath.Join(t.TempDir(), "slow-uv")
	// The shell dies with modelrun, because it is its child. The process that the
	// shell started does not. (A delay, like a signal, has no effect under
	// --seccomp-bpf.)
	require.NoError(t, execxtest.Write(slow, []byte("#!/bin/sh\ncase \"$*\" in *'pip sync'*)\n\t"+strace(t)[0]+" -f -qq -o /dev/null"+
		" -e trace=linkat -e inject=linkat:delay_enter=50000 "+uvtest.Path(t)+" \"$@\"\n\texit ;;\nesac\nexec "+uvtest.Path(t)+" \"$@\"\n")))
	c := r.cmd(t, b, "")
	c.Env = append(c.Env, "MODELRUN_UV="+slow)
	require.NoError(t, c.Start())
	require.Eventually(t, func() bool {
		files, err := filepath.Glob(filepath.Join(r.Tmp(), "*", ".venv", "lib", "*", "site-packages", "*", "*"))
		return err == nil && len(files) > 5
	}, limit, tick)
	require.NoError(t, c.Process.Kill())
	_ = c.Wait() // it was killed
	require.NotEmpty(t, writers(t, r.Tmp()), "this test is about a uv that lives on")
	r.requireWhole(t)
	r.next(t, b, "ensure")
	r.next(t, b, "-q", "--no-create", "--", "python", "-c", allScripts)
	require.Eventually(t, func() bool { return len(writers(t, r.Tmp())) == 0 }, limit, tick)
	r.next(t, b, "ensure", "--rebuild")
	r.requireHeals(t, b)
}

// writers returns the processes whose command line names a folder.
func writers(t *testing.T, dir string) (pids []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, file := range files {
		if line, err := os.ReadFile(file); err == nil && strings.Contains(string(line), dir) {
			pids = append(pids, file)
		}
	}
	return pids
}
