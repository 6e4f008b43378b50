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

// The main goroutine is tied to the main thread, and it is the one that looks
// and writes: its calls are in the same order each time.
func killPoints(t *testing.T, b before) (points []killPoint) {
	t.Helper()
	r := newCrashSandbox(t, b)
	file := filepath.Join(t.TempDir(), "trace")
	out, err := r.traced(t, b, "-o", file).CombinedOutput()
	require.NoError(t, err, "%s", out)
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	text, _, _ := strings.Cut(string(data), `/python", ["`) // from there on it is the program
	count := map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z][a-z0-9_]*)\((.*)$`).FindAllStringSubmatch(text, -1) {
		if count[m[1]]++; slices.Contains(killedAt(), m[1]) && !strings.Contains(m[2], `"/proc`) {
			points = append(points, killPoint{m[1], count[m[1]]})
		}
	}
	return points
}

// killedAt are the calls at whose door SIGKILL waits: those that change
// something, or wait, or begin something.
func killedAt() []string {
	return []string{"openat", "write", "mkdirat", "renameat", "renameat2", "unlinkat", "clone", "clone3", "fsync", "syncfs", "flock", "utimensat", "waitid", "pipe2"}
}

// traced is the command, as it is released, under strace: only its main thread.
func (r *crashSandbox) traced(t *testing.T, b before, words ...string) *exec.Cmd {
	t.Helper()
	argv := slices.Concat([]string{strace(t)[0], "-qq"}, words, []string{release(t)}, r.cmd(t, before{run: b.run}, "").Args[1:])
	c := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	c.Dir, c.Env = string(r.Root), r.cmd(t, before{}, "").Env
	c.Env = slices.DeleteFunc(c.Env, func(v string) bool { return strings.HasPrefix(v, "MODELRUN_FAILPOINT=") })
	return c
}

// few is how many of a situation's points are tried, drawn by lot: the name of a
// test that failed says which.
func few(situation string) int {
	switch {
	case !nightly():
		return 4
	case situation == "broken":
		return 10_000
	}
	return 50 // most of their calls are the same
}

// SIGKILL at any system call of a creation: each time the next start heals. All
// of them at night, a few of them each time.
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
			continue // TestKilledAtEachStep
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

// uv is killed within a package, at its nth hard link: pip and uv would both
// call what is left installed. Nothing of it is seen, and the next try heals.
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
			if c.ProcessState.ExitCode() == 0 { // uv shares its links among threads: this one had fewer
				require.Greater(t, n, 3, "%s", out)
				return
			}
			if killed(c) { // and this link was one of our own, of byte code
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

// modelrun is killed while uv installs, and uv is not: it goes on, in a folder
// that the next start has swept away meanwhile.
func TestInstallerOutlivesUs(t *testing.T) {
	t.Parallel()
	b := crashes()["broken"]
	r := newCrashSandbox(t, b)
	slow := filepath.Join(t.TempDir(), "slow-uv")
	// The shell dies with modelrun, as its child; what it started does not. (A delay,
	// like a signal, does nothing under --seccomp-bpf.)
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

// writers are the processes whose command line names a folder.
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
