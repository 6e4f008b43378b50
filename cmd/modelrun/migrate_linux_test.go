package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// moving returns a sandbox with a model that has an old env but no shared one.
func moving(t *testing.T, words ...string) (*crashSandbox, before) {
	t.Helper()
	b := before{old: true, run: append([]string{"migrate"}, words...), make: func(t *testing.T, r *crashSandbox) {
		require.NoError(t, os.RemoveAll(r.Shared(crashKey).Path))
	}}
	return newCrashSandbox(t, b), b
}

// requireOneHome checks that the old env is complete, in its place or in .old, and
// that a moved env always has a shared one. It reports whether the env was moved.
func (r *crashSandbox) requireOneHome(t *testing.T) (moved bool) {
	t.Helper()
	kept := entries(t, r.OldEnvs())
	_, err := os.Lstat(r.Old(r.base.oldID).Path)
	require.Len(t, kept, map[bool]int{true: 0, false: 1}[err == nil])
	if err == nil {
		require.FileExists(t, r.Old(r.base.oldID).Cfg())
		return false
	}
	require.FileExists(t, filepath.Join(r.OldEnvs(), kept[0], ".venv", "pyvenv.cfg"))
	require.FileExists(t, r.Shared(crashKey).Ready())
	r.requireWhole(t)
	return true
}

// TestMigrateKilledAtEachStep kills migrate at each step. That leaves the old state
// or the new one, every start in between works, and the same command completes the
// migration.
func TestMigrateKilledAtEachStep(t *testing.T) {
	t.Parallel()
	for _, step := range slices.Concat(building, ending, []string{"migrate-alone", "migrate-moved"}) {
		if !nightly() && !slices.Contains([]string{"installing", "published", "unlock", "migrate-alone", "migrate-moved"}, step) {
			continue
		}
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			r, b := moving(t, string(newCrashBase(t).oldID), "--yes")
			c := r.cmd(t, b, step+":kill")
			out, _ := c.CombinedOutput() // it is killed
			require.True(t, killed(c), "it never came to that step: %s\n%s", c.ProcessState, out)
			require.Equal(t, step == "migrate-moved", r.requireOneHome(t))
			start, _ := r.next(t, b, "--", "python", "-c", allScripts)
			require.Contains(t, []string{r.Old(r.base.oldID).Venv(), r.Shared(crashKey).Venv()}, strings.Split(start, "\n")[0])
			r.next(t, b, b.run...)
			require.True(t, r.requireOneHome(t))
			start, _ = r.next(t, b, "--no-create", "--", "python", "-c", allScripts)
			require.Equal(t, r.Shared(crashKey).Venv(), strings.Split(start, "\n")[0])
		})
	}
}

// TestMigrateUndoKilled kills the undo. Like the migration, it is one rename.
func TestMigrateUndoKilled(t *testing.T) {
	t.Parallel()
	for step, moved := range map[string]bool{"migrate-undo": true, "migrate-undone": false} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			r, b := moving(t, "--all", "--yes")
			r.next(t, b, b.run...)
			b.run = []string{"migrate", "--undo", "--all", "--yes"}
			c := r.cmd(t, b, step+":kill")
			out, _ := c.CombinedOutput() // it is killed
			require.True(t, killed(c), "it never came to that step: %s\n%s", c.ProcessState, out)
			require.Equal(t, moved, r.requireOneHome(t))
			r.next(t, b, b.run...)
			require.False(t, r.requireOneHome(t))
		})
	}
}

// TestMigrateInterrupted checks Ctrl-C and SIGTERM: the exit code is 130 or 143,
// and nothing is left half done.
func TestMigrateInterrupted(t *testing.T) {
	t.Parallel()
	for step, sig := range map[string]string{"installing": "int", "publish": "term", "migrate-alone": "int", "migrate-moved": "term"} {
		t.Run(step+"/"+sig, func(t *testing.T) {
			t.Parallel()
			r, b := moving(t, "--all", "--yes")
			c := r.cmd(t, b, step+":"+sig)
			out, _ := c.CombinedOutput() // the exit code is checked
			require.Equal(t, map[string]int{"int": 130, "term": 143}[sig], exitCode(c), "%s", out)
			moved := r.requireOneHome(t)
			require.Empty(t, entries(t, r.Tmp()))
			require.Contains(t, string(out), map[bool]string{true: "interrupted; 1 of 1 were moved", false: "interrupted; 0 of 1 were moved"}[moved])
			if step == "installing" {
				require.False(t, moved)
				r.requireForeign(t)
			}
		})
	}
}

// TestStartWhileItIsMoved checks a start during the migration. It waits until the
// old env has been moved, and then uses the shared env, although that env did not
// exist when the start looked for it, and the start may create none.
func TestStartWhileItIsMoved(t *testing.T) {
	t.Parallel()
	r, _ := moving(t)
	lease := r.Lease(r.Old(r.base.oldID))
	require.NoError(t, os.MkdirAll(filepath.Dir(lease), 0o755))
	held, err := os.OpenFile(lease, os.O_RDWR|os.O_CREATE, 0o644)
	require.NoError(t, err)
	defer held.Close()
	// The start has looked for the shared env and waits for the lease, as it would
	// during a migration.
	require.NoError(t, unix.Flock(int(held.Fd()), unix.LOCK_EX)) //nolint:gosec // a descriptor
	late := r.cmd(t, before{run: []string{"--log-level", "debug", "--no-create", "--", "python", "-c", "import sys; print(sys.prefix)"}}, "")
	var out strings.Builder
	late.Stdout = &out
	errs, err := late.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, late.Start())
	text, buf := "", make([]byte, 4096)
	for !strings.Contains(text, "Checking old per-model environment") {
		n, err := errs.Read(buf)
		require.NoError(t, err, text)
		text += string(buf[:n])
	}
	// Now the shared env appears, and the old one disappears.
	made := r.cmd(t, before{run: []string{"ensure"}}, "")
	log, err := made.CombinedOutput()
	require.NoError(t, err, "%s", log)
	to := r.Retired(string(r.base.oldID), "0123abcd")
	require.NoError(t, os.MkdirAll(filepath.Dir(to), 0o755))
	require.NoError(t, os.Rename(r.Old(r.base.oldID).Path, to))
	require.NoError(t, held.Close())
	for {
		n, err := errs.Read(buf)
		text += string(buf[:n])
		if err != nil {
			break
		}
	}
	require.NoError(t, late.Wait(), text)
	require.Equal(t, r.Shared(crashKey).Venv()+"\n", out.String(), text)
}
