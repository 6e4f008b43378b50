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

// TestInterruptedAtEachStep checks Ctrl-C and SIGTERM at every step. The exit code
// is 130 or 143, and no staging folder remains. Other processes see the files that
// were there before, or the complete new env if it was already published.
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
					out, _ := c.CombinedOutput() // the exit code is checked
					require.Equal(t, code, exitCode(c), "%s", out)
					require.NotContains(t, string(out), "the program runs")
					require.Empty(t, entries(t, r.Tmp()))
					require.NoFileExists(t, r.Files(crashKey).Owner())
					require.NoFileExists(t, r.Files(crashKey).Journal())
					require.NoFileExists(t, r.Files(crashKey).Failure(), "it is no failure: the next start tries at once")
					if b.run != nil || !strings.HasPrefix(name, "waiting") && name != "killed before" { // these bring in a complete env
						if n := slices.Index(building, step); n >= 0 && n < slices.Index(building, "durable") { // after "durable" there is no further check for a signal
							require.Equal(t, was, r.visible(t))
						}
					}
					if nightly() { // after SIGKILL, which leaves more behind, this is always checked
						r.requireHeals(t, b)
					}
				})
			}
		}
	}
}

// exitCode returns a command's exit code as a shell reports it.
func exitCode(c *exec.Cmd) int {
	if status, ok := c.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return c.ProcessState.ExitCode()
}

// visible returns the envs that other processes see and the files that are kept,
// with the inode number of each.
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
