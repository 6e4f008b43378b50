package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/modelrun/modelrun/execx/execxtest"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/uv/uvtest"
)

// nightly reports whether all cases are tried, and not only a sample.
func nightly() bool { return os.Getenv("TEST_NIGHTLY") != "" }

const crashKey envdir.Key = "crash"

// before describes a root before the creation that is killed.
type before struct {
	make   func(*testing.T, *crashSandbox) // changes a root with a healthy env
	run    []string                        // the command that is killed; nil for a launch
	inUse  bool                            // a program runs in the env until after the next start
	noSwap bool                            // on a file system that cannot exchange two folders
	old    bool                            // the model has a healthy old env
	steps  []string                        // the steps of the command, in order
}

// The steps of every creation, up to publishing and after it.
var (
	building = []string{"locked", "looking for uv", "resolving versions", "staged", "creating the venv", "installing", "verifying files", "probing imports", "publishing", "durable", "seal", "publish"}
	ending   = []string{"published", "verdict", "constraints", "unlock"}
)

// crashes returns each situation in which a creation may be killed, with the steps
// at which the test kills it. TestEveryStepIsTried fails for a step that is in none
// of them.
func crashes() map[string]before {
	return map[string]before{
		"nothing there": {make: func(t *testing.T, r *crashSandbox) { require.NoError(t, os.RemoveAll(r.Shared(crashKey).Path)) },
			steps: slices.Concat(building, ending)},
		"broken": {make: func(t *testing.T, r *crashSandbox) { r.tear(t, r.Shared(crashKey)) },
			steps: slices.Concat(building, []string{"exchanged"}, ending)},
		"broken, old env": {make: func(t *testing.T, r *crashSandbox) { r.tear(t, r.Shared(crashKey)) }, old: true, run: []string{"ensure"},
			steps: slices.Concat(building, []string{"exchanged"}, ending)},
		"broken, no exchange": {make: func(t *testing.T, r *crashSandbox) { r.tear(t, r.Shared(crashKey)) }, noSwap: true,
			steps: slices.Concat(building, []string{"journal", "moved-old", "moved-new"}, ending)},
		"broken, in use": {make: func(t *testing.T, r *crashSandbox) { r.tear(t, r.Shared(crashKey)) }, inUse: true,
			steps: slices.Concat(building, []string{"postpone"}, ending)},
		"broken twice, in use": {make: func(t *testing.T, r *crashSandbox) {
			r.tear(t, r.Shared(crashKey))
			require.NoError(t, os.MkdirAll(filepath.Dir(r.Next(crashKey).Path), 0o755))
			copyAll(t, r.Shared(crashKey).Path, r.Next(crashKey).Path)
		}, inUse: true, steps: []string{"postpone", "journal", "moved-old", "moved-new", "published"}},
		"waiting": {make: waiting, steps: []string{"locked", "promote", "unlock"}},
		"waiting for nothing": {make: func(t *testing.T, r *crashSandbox) {
			waiting(t, r)
			require.NoError(t, os.RemoveAll(r.Shared(crashKey).Path))
		}, steps: []string{"promote", "unlock"}},
		"killed before": {make: func(t *testing.T, r *crashSandbox) { // between the two renames, with leftovers
			staged, old := r.Staging(crashKey, "0123abcd").Path, r.Retired(string(crashKey), "0123abcd")
			require.NoError(t, os.MkdirAll(filepath.Dir(staged), 0o755))
			require.NoError(t, os.MkdirAll(filepath.Dir(old), 0o755))
			copyAll(t, r.Shared(crashKey).Path, staged)
			r.tear(t, r.Shared(crashKey))
			require.NoError(t, os.Rename(r.Shared(crashKey).Path, old))
			require.NoError(t, os.WriteFile(r.Files(crashKey).Journal(), []byte(`{"schema":1,"new":".tmp/crash-0123abcd","old":".old/crash-0123abcd"}`), 0o600))
			require.NoError(t, os.MkdirAll(r.Staging(crashKey, "00000000").Venv(), 0o755))
		}, steps: []string{"locked", "finish", "trash", "unlock", "empty-trash"}},
	}
}

func waiting(t *testing.T, r *crashSandbox) {
	require.NoError(t, os.MkdirAll(filepath.Dir(r.Next(crashKey).Path), 0o755))
	copyAll(t, r.Shared(crashKey).Path, r.Next(crashKey).Path)
	r.tear(t, r.Shared(crashKey))
}

// sampled reports whether a case runs every time. Every step runs in one situation.
func sampled(situation, step string) bool {
	var of []string
	for name, b := range crashes() {
		if slices.Contains(b.steps, step) {
			of = append(of, name)
		}
	}
	slices.Sort(of)
	return of[len(step)%len(of)] == situation
}

// TestKilledAtEachStep kills a creation at each step. Then the env is complete or
// does not exist, and the next start heals everything that is left.
func TestKilledAtEachStep(t *testing.T) {
	t.Parallel()
	for name, b := range crashes() {
		for _, step := range b.steps {
			if !nightly() && !sampled(name, step) {
				continue
			}
			t.Run(name+"/"+step, func(t *testing.T) {
				t.Parallel()
				r := newCrashSandbox(t, b)
				c := r.cmd(t, b, step+":kill")
				out, _ := c.CombinedOutput() // it is killed
				require.True(t, killed(c), "it never came to that step: %s\n%s", c.ProcessState, out)
				r.requireHeals(t, b)
			})
		}
	}
}

func killed(c *exec.Cmd) bool {
	status, ok := c.ProcessState.Sys().(syscall.WaitStatus)
	return ok && (status.Signaled() && status.Signal() == syscall.SIGKILL || status.ExitStatus() == 128+int(syscall.SIGKILL))
}

// crashSandbox is a root for one creation that is killed.
type crashSandbox struct {
	envdir.Root
	base *crashBase
	user *os.File // held by a program that runs in the env
	tree []string // every file that is not modelrun's
}

// crashBase is what the sandboxes share: the binary with failpoints, the wheels,
// and a root with a healthy env, which they copy.
type crashBase struct {
	*sandbox // its environment names no root
	oldID    envdir.ID
}

var crashOnce once[*crashBase]

func newCrashBase(t *testing.T) *crashBase {
	t.Helper()
	return crashOnce.get(t, func() (*crashBase, error) { return makeCrashBase(t) })
}

func makeCrashBase(t *testing.T) (*crashBase, error) {
	t.Helper()
	base := filepath.Join(scratch, "crash")
	l := &crashBase{sandbox: sandboxIn(t, base)}
	l.bin = filepath.Join(base, "bin", "modelrun")
	build(l.bin, "-tags=failpoints")
	index := uvtest.NewIndex(t, filepath.Join(base, "index"))
	index.Add(stand("onnxruntime", "1.0.0"))
	index.Add(smallPip())
	tool := uvtest.Wheel{
		Name: "crash-tool", Version: "1.0", Requires: []string{"onnxruntime"},
		Files:   map[string]string{"crash_tool/__init__.py": "def main(): print('tool runs')\n"},
		Scripts: map[string]string{"crash-tool": "crash_tool:main", "crash-too": "crash_tool:main"},
	}
	for i := range 20 {
		tool.Files[fmt.Sprintf("crash_tool/part%d.py", i)] = fmt.Sprintf("part = %d\n", i)
	}
	index.Add(tool)
	if err := os.WriteFile(filepath.Join(string(l.root), "modelrun.toml"), []byte("[envs.\"crash\"]\npackages = [\"crash-tool\"]\nimports = [\"crash_tool=crash-tool\"]\n"), 0o600); err != nil {
		return nil, err
	}
	uv := uvtest.Path(t)
	l.env = append(l.env[1:], "PYTHONDONTWRITEBYTECODE=1", "MODELRUN_UV="+uv, "UV_PYTHON_DOWNLOADS=never", "MODELRUN_INDEX_DEFAULT="+index.URL(),
		"MODELRUN_ENV="+string(crashKey), "MODELRUN_MODEL="+l.model)
	real, err := filepath.EvalSymlinks(l.model)
	if err != nil {
		return nil, err
	}
	l.oldID = envdir.LocalID(real)
	old := l.root.Old(l.oldID)
	for _, args := range [][]string{
		{"venv", "-q", "--no-project", old.Venv()},
		{"pip", "install", "-q", "--no-index", "--find-links", index.Dir(), "--python", old.Venv(), "onnxruntime"},
	} {
		c := exec.Command(uv, args...)
		c.Env = append(os.Environ(), "UV_CACHE_DIR="+filepath.Join(base, "uv-cache"))
		if out, err := c.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("uv: %w\n%s", err, out)
		}
	}
	c := exec.Command(l.bin, "ensure")
	c.Env, c.Dir = append(slices.Clone(l.env), "MODELRUN_ROOT="+string(l.root)), string(l.root)
	if out, err := c.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("making the env: %w\n%s", err, out)
	}
	return l, nil
}

// newCrashSandbox copies the root, and changes the copy to the situation before the
// creation.
func newCrashSandbox(t *testing.T, b before) *crashSandbox {
	t.Helper()
	l := newCrashBase(t)
	r := &crashSandbox{base: l, Root: envdir.Root(filepath.Join(t.TempDir(), "root"))}
	copyAll(t, string(l.root), string(r.Root))
	r.fill(t, b)
	return r
}

// fill changes the copy of a root with a healthy env to the situation before the
// creation.
func (r *crashSandbox) fill(t *testing.T, b before) {
	t.Helper()
	if !b.old {
		require.NoError(t, os.RemoveAll(r.Environments()))
	}
	b.make(t, r)
	if b.inUse {
		r.user = r.use(t)
	}
	r.tree = r.foreign(t)
}

// copyAll copies a tree with copyTreeAsIs.
func copyAll(t *testing.T, from, to string) {
	t.Helper()
	require.NoError(t, copyTreeAsIs(from, to))
}

// tear damages an env as a faulty disk does.
func (r *crashSandbox) tear(t *testing.T, d envdir.Dir) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(d.SitePackages("*"), "crash_tool", "__init__.py"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	require.NoError(t, os.Remove(files[0]))
}

// use holds the lease of the env, as a program does.
func (r *crashSandbox) use(t *testing.T) *os.File {
	t.Helper()
	f, err := os.OpenFile(r.Lease(r.Shared(crashKey)), os.O_RDONLY|os.O_CREATE, 0o600)
	require.NoError(t, err)
	require.NoError(t, unix.Flock(int(f.Fd()), unix.LOCK_SH)) //nolint:gosec // a descriptor
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// foreign returns every file of the root that is not modelrun's, with its size,
// mode and time. None of these may change.
func (r *crashSandbox) foreign(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("find", string(r.Root), "(", "-path", r.Envs(), "-o", "-path", filepath.Dir(r.Files(crashKey).Constraints()), ")", "-prune",
		"-o", "!", "-path", string(r.Root), "-printf", `%P %M %s %T@ %l\n`).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return strings.Split(string(out), "\n")
}

// requireForeign checks that no files have changed except modelrun's own.
func (r *crashSandbox) requireForeign(t *testing.T) {
	t.Helper()
	now := r.foreign(t)
	for _, line := range now {
		require.Contains(t, r.tree, line)
	}
	require.Len(t, now, len(r.tree))
}

// cmd returns the command that is killed.
func (r *crashSandbox) cmd(t *testing.T, b before, point string) *exec.Cmd {
	t.Helper()
	argv := append([]string{r.base.bin}, b.run...)
	if b.run == nil {
		argv = append(argv, "--", "python", "-c", "print('the program runs')")
	}
	if b.noSwap {
		argv = slices.Concat(strace(t), []string{"-e", "trace=renameat2", "-e", "inject=renameat2:error=EINVAL"}, argv)
	}
	c := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	c.Dir, c.Env = string(r.Root), append(slices.Clone(r.base.env), "MODELRUN_ROOT="+string(r.Root), "MODELRUN_FAILPOINT="+point)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return c
}

// strace returns the command line that traces a command and its children, quickly
// and without output.
func strace(t *testing.T) []string {
	t.Helper()
	execxtest.Tool(t, "strace")
	words, err := tracer()
	if err != nil {
		t.Skipf("NOT TESTED: strace may not trace here: %v", err)
	}
	return words
}

func tracer() (words []string, err error) {
	path, err := exec.LookPath("strace")
	if err == nil {
		err = exec.Command(path, "-f", "--seccomp-bpf", "-e", "trace=renameat2", "-o", "/dev/null", "true").Run()
	}
	return []string{path, "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null"}, err
}

// next starts a program without a failpoint.
func (r *crashSandbox) next(t *testing.T, b before, args ...string) (stdout, stderr string) {
	t.Helper()
	c := r.cmd(t, before{run: args}, "")
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	require.NoError(t, c.Run(), errs.String())
	require.NotContains(t, errs.String(), "degraded")
	return out.String(), errs.String()
}

// allScripts runs the scripts of an env and prints which env it is.
const allScripts = `import glob, os, subprocess, sys
import onnxruntime
print(sys.prefix)
if ".envs" in sys.prefix.split(os.sep):
    import crash_tool
    for name in ("crash-tool", "crash-too", "pip"):
        print(subprocess.check_output([os.path.join(sys.prefix, "bin", name)], text=True), end="")
`

// requireHeals checks the root after a kill, and after the start that follows.
func (r *crashSandbox) requireHeals(t *testing.T, b before) {
	t.Helper()
	r.requireWhole(t)
	start := []string{"--", "python", "-c", allScripts}
	out, errs := r.next(t, b, start...)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	from := lines[0]
	if from != r.Old(r.base.oldID).Venv() {
		require.Contains(t, []string{r.Shared(crashKey).Venv(), r.Next(crashKey).Venv()}, from)
		require.Equal(t, []string{"tool runs", "tool runs", "pip runs"}, lines[1:])
	}
	created := strings.Contains(errs, "Creating new shared environment")
	if b.old {
		_, errs = r.next(t, b, "ensure")
		created = created || strings.Contains(errs, "Creating new shared environment")
	}
	if b.inUse {
		require.NoError(t, r.user.Close())
		// A child that another test starts at this moment holds a copy of the lease
		// until it execs. In that case a later start moves the env.
		require.Eventually(t, func() bool {
			out, _ = r.next(t, b, start...)
			return strings.HasPrefix(out, r.Shared(crashKey).Venv()+"\n")
		}, limit, tick)
	}
	if _, err := os.Lstat(r.Files(crashKey).Journal()); !created && (err == nil || len(entries(t, r.Tmp())) > 0) {
		// A start that finds a healthy env cleans nothing up. The next creation
		// does.
		r.next(t, b, "ensure", "--rebuild")
	}
	require.Empty(t, entries(t, r.Tmp()))
	require.NoFileExists(t, r.Files(crashKey).Journal())
	require.NoDirExists(t, r.Next(crashKey).Path)
	r.requireWhole(t)
	_, errs = r.next(t, b, "-q", "--no-create", "--", "python", "-c", allScripts)
	require.Empty(t, errs)
	r.requireForeign(t)
}

// requireWhole checks each env that others can see: it does not exist, it is the
// broken one from before, or it is complete.
func (r *crashSandbox) requireWhole(t *testing.T) {
	t.Helper()
	for _, d := range []envdir.Dir{r.Shared(crashKey), r.Next(crashKey)} {
		if _, err := os.Lstat(d.Path); errors.Is(err, os.ErrNotExist) {
			continue
		}
		seal, ok, err := health.ReadSeal(d)
		require.NoError(t, err)
		require.True(t, ok, "%s is visible and has no seal", d.Path)
		first, ok, err := health.ReadSeal(envdir.Dir{Name: string(crashKey), Path: r.base.root.Shared(crashKey).Path})
		require.NoError(t, err)
		require.True(t, ok)
		if seal.BuildID != first.BuildID { // not what was there before
			require.NoError(t, health.Audit(d))
		}
	}
}

func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if !errors.Is(err, os.ErrNotExist) {
		require.NoError(t, err)
	}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// The time limit of a condition, and the interval between two checks of it.
const (
	limit = 2 * time.Minute
	tick  = 20 * time.Millisecond
)

// TestEveryStepIsTried checks that a test kills modelrun at every step.
func TestEveryStepIsTried(t *testing.T) {
	t.Parallel()
	tried := map[string]bool{}
	for _, b := range crashes() {
		for _, step := range b.steps {
			tried[step] = true
		}
	}
	tests := ""
	for _, pattern := range []string{"*_test.go", "../../resolve/store/*_test.go", "../../resolve/prune/*_test.go"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			tests += string(text)
		}
	}
	steps := namedSteps(t)
	require.Greater(t, len(steps), 20)
	for _, step := range steps {
		if strings.HasPrefix(step, "prune-") || strings.HasPrefix(step, "migrate-") { // they have tests of their own
			require.Contains(t, tests, `"`+step+`"`)
			continue
		}
		require.True(t, tried[step], "no test is killed at step %q: see crashes", step)
	}
}

// namedSteps returns the names of all steps in the code: the arguments of the
// functions that stop at a failpoint.
func namedSteps(t *testing.T) (steps []string) {
	t.Helper()
	failpoints := []string{"At", "enterPhase"}
	for _, dir := range []string{"../../resolve", "../../resolve/store", "../../resolve/prune"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		require.NoError(t, err)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			ast.Inspect(tree, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) != 1 {
					return true
				}
				f, ok := call.Fun.(*ast.SelectorExpr)
				if !ok || !slices.Contains(failpoints, f.Sel.Name) {
					return true
				}
				if name, ok := call.Args[0].(*ast.BasicLit); ok && name.Kind == token.STRING {
					steps = append(steps, strings.Trim(name.Value, `"`))
				}
				return true
			})
		}
	}
	return steps
}

// TestReleaseHasNoFailpoints checks that a release build has no failpoints: it does
// not know the variable.
func TestReleaseHasNoFailpoints(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	program, err := os.ReadFile(r.bin)
	require.NoError(t, err)
	require.NotContains(t, string(program), "FAILPOINT")
	c := r.other(t, r.bin, "--", "python", "-c", "print('lives')")
	c.Env = append(slices.Clone(r.env), "MODELRUN_FAILPOINT=:kill")
	out, err := c.CombinedOutput()
	require.NoError(t, err)
	require.Contains(t, string(out), "MODELRUN_FAILPOINT is not one of modelrun's")
	require.Contains(t, string(out), "lives")
	program, err = os.ReadFile(newCrashBase(t).bin)
	require.NoError(t, err)
	require.Contains(t, string(program), "FAILPOINT", "or this test would show nothing")
}
