package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx/execxtest"
	"github.com/modelrun/modelrun/resolve/uv/uvtest"
)

// readyRoot is a root with one healthy env, and a folder with a model for it:
// where a start is the usual one, which does nothing but start.
type readyRoot struct {
	index  string // of small wheels
	root   string
	model  string   // a folder that holds an ONNX model
	python string   // of the env onnx-cpu
	env    []string // of a caller; whole

	release string // modelrun as it is released
}

var ready struct {
	sync.Mutex
	*readyRoot
	err error
}

// newReady makes the root once for all tests of this binary; TestMain removes
// it. Nobody may change it.
func newReady(t testing.TB) *readyRoot {
	t.Helper()
	ready.Lock()
	defer ready.Unlock()
	if ready.readyRoot == nil && ready.err == nil {
		ready.err = errors.New("an earlier test could not make the root")
		ready.readyRoot, ready.err = makeReady(t)
	}
	require.NoError(t, ready.err)
	return ready.readyRoot
}

func makeReady(t testing.TB) (*readyRoot, error) {
	t.Helper()
	base := filepath.Join(scratch, "ready")
	r := &readyRoot{root: filepath.Join(base, "root"), model: filepath.Join(base, "model")}
	person, hardware := filepath.Join(base, "home"), filepath.Join(base, "hardware")
	for _, dir := range []string{r.root, r.model, person, hardware, filepath.Join(base, "index")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(filepath.Join(r.model, "model.onnx"), nil, 0o600); err != nil {
		return nil, err
	}
	index := uvtest.NewIndex(t, filepath.Join(base, "index"))
	for _, w := range wheels(t) {
		index.Add(w)
	}
	r.index = index.URL()
	r.env = []string{"MODELRUN_ROOT=" + r.root, "PATH=" + searchPath(), "LANG=C.UTF-8", "MODELRUN_HARDWARE_ROOT=" + hardware}
	for name, value := range home(person) {
		r.env = append(r.env, name+"="+value)
	}
	for range 2 { // makes it, and leaves nothing to note for the first time
		cmd := exec.Command(built, "--", "python", "-c", "import sys; print(sys.executable)")
		cmd.Dir = r.model
		cmd.Env = append(r.env[:len(r.env):len(r.env)], "MODELRUN_UV="+uvtest.Path(t), "UV_PYTHON_DOWNLOADS=never",
			"MODELRUN_INDEX_DEFAULT="+index.URL(), "MODELRUN_INDEX_TORCH="+index.URL())
		var errs strings.Builder
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("making the env: %w\n%s", err, errs.String())
		}
		r.python = strings.TrimSpace(string(out))
	}
	r.release = built
	if os.Getenv("TEST_MODELRUN") == "" { // what is there is as it is released
		r.release = buildRelease(t, filepath.Join(base, "release", "modelrun"+exe), ".")
	}
	return r, nil
}

// buildRelease builds a program as .goreleaser.yaml does: static, stripped, no
// race detector. It is copied, as an installation has it: Linux starts a file
// that the linker has mapped 12 to 17 % slower than one that was written.
func buildRelease(t testing.TB, file, pkg string) string {
	t.Helper()
	linked := file + ".linked"
	cmd := exec.Command("go", "build", "-trimpath", "-gcflags=all=-l", "-gcflags=runtime=", "-ldflags=-s -w -funcalign=1", "-o", linked, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOEXPERIMENT=nogreenteagc")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	program, err := os.ReadFile(linked)
	require.NoError(t, err)
	require.NoError(t, execxtest.Write(file, program))
	return file
}

// cmd is a command in the model's folder with the caller's environment.
func (r *readyRoot) cmd(t testing.TB, path string, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), path, args...)
	c.Dir, c.Env = r.model, r.env
	return c
}
