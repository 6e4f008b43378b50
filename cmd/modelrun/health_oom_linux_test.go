package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCheckThatEatsAllMemory checks that the kernel kills only the check that uses
// all memory. modelrun, in the same cgroup, continues, and uses a sealed env with a
// warning.
func TestCheckThatEatsAllMemory(t *testing.T) {
	t.Parallel()
	group := memoryGroup(t, 400<<20)
	r := sharedSandbox(t)
	root := filepath.Join(t.TempDir(), "root")
	run := func(extra ...string) (string, string, error) {
		cmd := exec.CommandContext(t.Context(), "sh", append([]string{"-c", `echo $$ >"$GROUP/cgroup.procs" && exec "$@"`, "sh", built}, extra...)...)
		cmd.Dir, cmd.Env = t.TempDir(), append(r.newcomer(t, root), "FAKE_ALLOC=20", "GROUP="+group)
		var out, errs strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &errs
		err := cmd.Run()
		return out.String(), errs.String(), err
	}
	cmd := exec.CommandContext(t.Context(), built, "ensure", "--family", "transformers")
	cmd.Dir, cmd.Env = t.TempDir(), r.newcomer(t, root)
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", said)
	require.NoError(t, os.RemoveAll(filepath.Join(root, ".envs", ".state")))

	out, errs, err := run("--family", "transformers", "--", "python", "-c", "print('started')")
	require.NoError(t, err, errs)
	require.Equal(t, "started\n", out)
	require.Contains(t, errs, "environment torch-cpu-transformers5 could not be checked: python was killed during import of torch, as a system out of memory does; using it as it was sealed")
	require.NotContains(t, errs, "Creating")
}

// memoryGroup makes a cgroup with that much memory and no swap.
func memoryGroup(t *testing.T, bytes int) string {
	t.Helper()
	limits := map[string]string{"/sys/fs/cgroup/memory": "memory.limit_in_bytes", "/sys/fs/cgroup": "memory.max"}
	var why error
	for _, base := range []string{"/sys/fs/cgroup/memory", "/sys/fs/cgroup"} {
		dir := filepath.Join(base, fmt.Sprintf("modelrun-test-%d", os.Getpid()))
		if why = os.Mkdir(dir, 0o755); why != nil {
			continue
		}
		t.Cleanup(func() { _ = os.Remove(dir) })
		if why = os.WriteFile(filepath.Join(dir, limits[base]), []byte(fmt.Sprint(bytes)), 0); why != nil {
			continue
		}
		for file, limit := range map[string]int{"memory.memsw.limit_in_bytes": bytes, "memory.swap.max": 0} { // of v1 and v2; missing without swap
			_ = os.WriteFile(filepath.Join(dir, file), []byte(fmt.Sprint(limit)), 0)
		}
		return dir
	}
	t.Skipf("NOT TESTED: no cgroup with a memory limit can be made here: %v", why)
	return ""
}
