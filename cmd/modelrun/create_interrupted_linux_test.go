package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Ctrl-C and SIGTERM at any step: 130 and 143, no staging, and what others see
// is what was there, or the whole new env when it was published already.
func TestInterruptedAtEachStep(t *testing.T) {
	t.Parallel()
	for name, b := range crashes() {
		for i, step := range b.steps {
			for sig, code := range map[string]int{"int": 130, "term": 143} {
				if !nightly() && (!sampled(name, step) || i%2 == 0 || (sig == "int") != (i%4 == 1)) {
					continue
				}
				t.Run(name+"/"+step+"/"+sig, func(t *testing.T) {
					t.Parallel()
					r := newCrashSandbox(t, b)
					was := r.visible(t)
					c := r.cmd(t, b, step+":"+sig)
					out, _ := c.CombinedOutput() // its code is looked at
					require.Equal(t, code, exitCode(c), "%s", out)
					require.NotContains(t, string(out), "the program runs")
					require.Empty(t, entries(t, r.Tmp()))
					require.NoFileExists(t, r.Files(crashKey).Owner())
					require.NoFileExists(t, r.Files(crashKey).Journal())
					require.NoFileExists(t, r.Files(crashKey).Failure(), "it is no failure: the next start tries at once")
					if b.run != nil || !strings.HasPrefix(name, "waiting") && name != "killed before" { // these bring in what is whole already
						if n := slices.Index(building, step); n >= 0 && n < slices.Index(building, "durable") { // the last look is after that
							require.Equal(t, was, r.visible(t))
						}
					}
					if nightly() { // after SIGKILL it always heals, and that leaves more behind
						r.requireHeals(t, b)
					}
				})
			}
		}
	}
}

// exitCode is a command's, as a shell says it.
func exitCode(c *exec.Cmd) int {
	if status, ok := c.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return c.ProcessState.ExitCode()
}

// visible is which envs others see, and which are kept: a folder is known by
// its number.
func (r *crashSandbox) visible(t *testing.T) map[string]uint64 {
	t.Helper()
	seen := map[string]uint64{}
	for _, pattern := range []string{r.Shared(crashKey).Path, r.Next(crashKey).Path, r.Retired("*", "*"), r.Files(crashKey).Constraints()} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, file := range files {
			info, err := os.Stat(file)
			require.NoError(t, err)
			st, ok := info.Sys().(*syscall.Stat_t)
			require.True(t, ok)
			seen[file] = st.Ino
		}
	}
	return seen
}
