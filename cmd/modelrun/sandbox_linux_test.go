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

// patience is the time limit for a condition, in case a test hangs.
const patience = 3 * time.Minute

// newSandbox makes a sandbox with an empty root that can create envs.
func newSandbox(t *testing.T) *sandbox {
	t.Helper()
	s := sandboxIn(t, t.TempDir())
	s.env = append(s.env, creating(t)...)
	return s
}

// newHealthySandbox makes a sandbox whose root has a healthy env. The env is a
// copy, which is just as good, because no verdict contains a path.
func newHealthySandbox(t *testing.T) *sandbox {
	t.Helper()
	s := newSandbox(t)
	s.seed(t)
	return s
}

// seed replaces the root by a copy of the shared one.
func (s *sandbox) seed(t *testing.T) {
	t.Helper()
	require.NoError(t, os.RemoveAll(string(s.root)))
	copyAll(t, string(sharedSandbox(t).root), string(s.root))
}

func (s *sandbox) shared() envdir.Dir { return s.root.Shared(onnx) }
func (s *sandbox) next() envdir.Dir   { return s.root.Next(onnx) }

// set sets variables. If a name occurs twice, the last one counts.
func (s *sandbox) set(vars ...string) { s.env = append(slices.Clone(s.env), vars...) }

// ran is the result of a command.
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

// starts runs a program in the env, and fails unless that succeeds.
func (s *sandbox) starts(t *testing.T, args ...string) ran {
	t.Helper()
	r := s.run(t, append(args, "--", "python", "-c", "import onnxruntime, sys; print(sys.prefix)")...)
	require.Zero(t, r.code, "%s", r)
	return r
}

// crowd runs many commands at once and waits for all of them.
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

// tool puts a script in the place of uv. The script counts installations by "pip
// sync", and runs body for each. body may use $REAL_UV, $SANDBOX and $PPID, which
// is modelrun.
func (s *sandbox) tool(t *testing.T, body string) {
	t.Helper()
	uv := filepath.Join(s.dir, "uv.sh")
	script := "#!/bin/sh\ncase \"$*\" in *\"pip sync\"*) echo $PPID >>\"$SANDBOX/syncs\"\n" + body + "\n;; esac\nexec \"$REAL_UV\" \"$@\"\n"
	require.NoError(t, execxtest.Write(uv, []byte(script)))
	s.set("MODELRUN_UV="+uv, "REAL_UV="+uvtest.Path(t), "SANDBOX="+s.dir)
}

// lines returns the words of a file in the sandbox's folder, or none if the file
// does not exist.
func (s *sandbox) lines(name string) []string {
	data, _ := os.ReadFile(filepath.Join(s.dir, name))
	return strings.Fields(string(data))
}

// logs returns the number of creations that have begun, at most 10.
func (s *sandbox) logs(t *testing.T) int {
	t.Helper()
	return len(names(s.root.Logs()))
}

// tidy fails if .tmp is not empty.
func (s *sandbox) tidy(t *testing.T) {
	t.Helper()
	require.Empty(t, names(s.root.Tmp()))
}

// names returns the names in a folder, or none if the folder does not exist.
func names(dir string) (list []string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// inode returns the identity of a folder. Another identity means that the folder
// was replaced.
func inode(t *testing.T, path string) fs.FileInfo {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info
}

// photo returns every byte, mode and time below a folder, except for the files that
// python itself may write.
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

// mount mounts a file system until the end of the test.
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

// readOnly makes a folder read-only by a mount, and returns a function that undoes
// it.
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

// helpful fails unless a user can act on the failure. The output must say what
// happened and what to do, and must not be a crash.
func helpful(t *testing.T, r ran) {
	t.Helper()
	require.Equal(t, 125, r.code, "%s", r)
	require.Contains(t, r.err, "error: ", "%s", r)
	require.Contains(t, r.err, "hint: ", "%s", r)
	require.NotContains(t, r.err, "goroutine ", "%s", r)
	require.NotContains(t, r.err, "Traceback", "%s", r)
}

// oldEnv returns the folder of the model's old env, from before shared envs.
func (s *sandbox) oldEnv(t *testing.T) envdir.Dir {
	t.Helper()
	model, err := filepath.EvalSymlinks(s.model)
	require.NoError(t, err)
	return s.root.Old(envdir.LocalID(model))
}

// sample returns the whole list in the nightly run, else some of it.
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

// tonight reports whether a case runs: every case in the nightly run, else only
// those in always.
func tonight(name string, always ...string) bool { return nightly() || slices.Contains(always, name) }

// many returns night in the nightly run, else day.
func many(night, day int) int {
	if nightly() {
		return night
	}
	return day
}
