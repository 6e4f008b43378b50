package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx/execxtest"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/uv/uvtest"
)

// patience is how long a condition is waited for: a limit for a test that hangs.
const patience = 3 * time.Minute

// newSandbox has an empty root, and can create.
func newSandbox(t *testing.T) *sandbox {
	t.Helper()
	s := sandboxIn(t, t.TempDir())
	s.env = append(s.env, creating(t)...)
	return s
}

// newHealthySandbox has a root with a healthy env: a copy, which is as good
// because no verdict holds a path.
func newHealthySandbox(t *testing.T) *sandbox {
	t.Helper()
	s := newSandbox(t)
	s.seed(t)
	return s
}

// seed makes the root anew.
func (s *sandbox) seed(t *testing.T) {
	t.Helper()
	require.NoError(t, os.RemoveAll(string(s.root)))
	copyAll(t, string(sharedSandbox(t).root), string(s.root))
}

func (s *sandbox) shared() envdir.Dir { return s.root.Shared(onnx) }
func (s *sandbox) next() envdir.Dir   { return s.root.Next(onnx) }

// set sets variables: of a name the last counts.
func (s *sandbox) set(vars ...string) { s.env = append(slices.Clone(s.env), vars...) }

// ran is how a command ended.
type ran struct {
	code     int
	out, err string
}

func (r ran) String() string { return fmt.Sprintf("exit code %d\n%s%s", r.code, r.out, r.err) }

func run1(t *testing.T, c *exec.Cmd) ran {
	t.Helper()
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return ran{c.ProcessState.ExitCode(), out.String(), errs.String()}
}

func (s *sandbox) run(t *testing.T, args ...string) ran {
	t.Helper()
	return run1(t, s.cmd(t, args...))
}

// starts fails unless a start goes well.
func (s *sandbox) starts(t *testing.T, args ...string) ran {
	t.Helper()
	r := s.run(t, append(args, "--", "python", "-c", "import onnxruntime, sys; print(sys.prefix)")...)
	require.Zero(t, r.code, "%s", r)
	return r
}

// crowd runs many commands at once and waits for all.
func crowd(t *testing.T, cmds []*exec.Cmd) []ran {
	t.Helper()
	all := make([]ran, len(cmds))
	var wait sync.WaitGroup
	for i, c := range cmds {
		wait.Go(func() { all[i] = run1(t, c) })
	}
	wait.Wait()
	return all
}

// tool puts a script in uv's place: "pip sync" is what an installation is
// counted by, and body what it does then. It may use $REAL_UV, $SANDBOX and $PPID,
// which is modelrun.
func (s *sandbox) tool(t *testing.T, body string) {
	t.Helper()
	uv := filepath.Join(s.dir, "uv.sh")
	script := "#!/bin/sh\ncase \"$*\" in *\"pip sync\"*) echo $PPID >>\"$SANDBOX/syncs\"\n" + body + "\n;; esac\nexec \"$REAL_UV\" \"$@\"\n"
	require.NoError(t, execxtest.Write(uv, []byte(script)))
	s.set("MODELRUN_UV="+uv, "REAL_UV="+uvtest.Path(t), "SANDBOX="+s.dir)
}

// lines are those of a file in the sandbox's folder; none when it is not there.
func (s *sandbox) lines(name string) []string {
	data, _ := os.ReadFile(filepath.Join(s.dir, name))
	return strings.Fields(string(data))
}

// logs are the creations that were begun, 10 at the most.
func (s *sandbox) logs(t *testing.T) int {
	t.Helper()
	return len(names(s.root.Logs()))
}

// tidy fails when something lies in .tmp.
func (s *sandbox) tidy(t *testing.T) {
	t.Helper()
	require.Empty(t, names(s.root.Tmp()))
}

// names in a folder; one that is not there has none.
func names(dir string) (list []string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// inode of a folder: another one, and something took its place.
func inode(t *testing.T, path string) fs.FileInfo {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info
}

// photo is every byte, mode and time below a folder, but for what python itself
// may write.
func photo(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	require.NoError(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.Name() == "__pycache__" {
			return fs.SkipDir
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		stamp := info.ModTime().String()
		if e.IsDir() && exists(filepath.Join(path, "__pycache__")) {
			stamp = ""
		}
		var content []byte
		switch {
		case e.Type().IsRegular():
			content, err = os.ReadFile(path)
		case e.Type()&fs.ModeSymlink != 0:
			var to string
			to, err = os.Readlink(path)
			content = []byte(to)
		}
		fmt.Fprintf(&all, "%s %s %s %x\n", path, info.Mode(), stamp, sha256.Sum256(content))
		return err
	}))
	return all.String()
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// until polls a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s did not happen within %s", what, patience)
		}
	}
}

// mount mounts until the end of the test.
func mount(t *testing.T, at string, args ...string) {
	t.Helper()
	if !canMount() {
		t.Skip("NOT TESTED: mounting is not allowed here")
	}
	require.NoError(t, os.MkdirAll(at, 0o755))
	out, err := exec.Command("mount", append(args, at)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Cleanup(func() { _ = exec.Command("umount", "-l", at).Run() })
}

// readOnly makes a folder read-only by a mount, and returns what ends that.
func readOnly(t *testing.T, dir string) (end func()) {
	t.Helper()
	mount(t, dir, "--bind", dir)
	out, err := exec.Command("mount", "-o", "remount,ro,bind", dir).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return func() {
		out, err := exec.Command("umount", "-l", dir).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
}

// helpful fails for a failure that is not one that a person can act on: what
// happened, what to do, and no crash of ours.
func helpful(t *testing.T, r ran) {
	t.Helper()
	require.Equal(t, 125, r.code, "%s", r)
	require.Contains(t, r.err, "error: ", "%s", r)
	require.Contains(t, r.err, "hint: ", "%s", r)
	require.NotContains(t, r.err, "goroutine ", "%s", r)
	require.NotContains(t, r.err, "Traceback", "%s", r)
}

// oldEnv is the folder of the model's env from before shared envs.
func (s *sandbox) oldEnv(t *testing.T) envdir.Dir {
	t.Helper()
	model, err := filepath.EvalSymlinks(s.model)
	require.NoError(t, err)
	return s.root.Old(envdir.LocalID(model))
}

// sample is all of a list in the nightly run, else some of it.
func sample[T any](list []T, some ...int) []T {
	if nightly() {
		return list
	}
	var out []T
	for _, i := range some {
		out = append(out, list[i])
	}
	return out
}

// tonight reports whether a case runs: all in the nightly run, else those named.
func tonight(name string, always ...string) bool { return nightly() || slices.Contains(always, name) }

// many is a number for the nightly run and one for every day.
func many(night, day int) int {
	if nightly() {
		return night
	}
	return day
}
