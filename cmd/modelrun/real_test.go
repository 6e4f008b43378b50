package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestRealStack runs README's first command with the real thing: real torch and
// transformers from the real index, installed by a uv that modelrun gets by
// itself. It downloads about 3 GB, so it runs only when MODELRUN_E2E is set.
func TestRealStack(t *testing.T) {
	if os.Getenv("MODELRUN_E2E") == "" {
		t.Skip("set MODELRUN_E2E=1: it downloads about 3 GB")
	}
	work := t.TempDir()
	root := filepath.Join(work, "root")
	run := func(args ...string) (stdout, stderr string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Dir = "../.."
		cmd.Env = append(os.Environ(), "MODELRUN_ROOT="+root, "MODELRUN_UV=", "MODELRUN_E2E=") // empty: not set
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		err := cmd.Run()
		t.Logf("%s\n%s%s", strings.Join(args, " "), errs.String(), out.String())
		require.NoError(t, err)
		return out.String(), errs.String()
	}
	const says = "Alice was beginning to get very tired"

	out, log := run("go", "run", "./cmd/modelrun", "-C", "examples/tiny-llm", "--", "python", "load_model.py")
	require.Contains(t, out, says)
	require.Contains(t, log, "Environment torch-cpu-transformers ready!")

	began := time.Now()
	out, log = run(built, "-C", "examples/tiny-llm", "--", "python", "load_model.py")
	require.Contains(t, out, says)
	require.NotContains(t, log, "modelrun:", "the second start says nothing")
	t.Logf("the second start took %s", time.Since(began).Round(time.Millisecond))

	// A second model in another folder with the same needs uses the same env.
	second := filepath.Join(work, "another model")
	require.NoError(t, os.CopyFS(second, os.DirFS("../../examples/tiny-llm")))
	out, log = run(built, "-C", second, "--", "python", "load_model.py", "So she was")
	require.Contains(t, out, "So she was")
	require.NotContains(t, log, "modelrun:")
	envs, err := filepath.Glob(filepath.Join(root, ".envs", "*", "READY.json"))
	require.NoError(t, err)
	require.Len(t, envs, 1)

	out, _ = run("go", "run", "./cmd/modelrun", "-C", "examples/tiny-onnx", "--", "python", "load_model.py")
	require.Contains(t, out, "xor: 0^0=0 0^1=1 1^0=1 1^1=0")
	require.NotEmpty(t, everyScript(t, filepath.Join(root, ".envs", "onnx-cpu", ".venv", "bin")))
	require.NotEmpty(t, everyScript(t, filepath.Join(root, ".envs", "torch-cpu-transformers", ".venv", "bin")))
}

// everyScript starts every console script of an env from its final path. What
// a script says to --help is its own affair; that its python is found and its
// package imports is ours.
func everyScript(t *testing.T, bin string) (started []string) {
	t.Helper()
	entries, err := os.ReadDir(bin)
	require.NoError(t, err)
	for _, e := range entries {
		head, err := os.ReadFile(filepath.Join(bin, e.Name()))
		if err != nil || !bytes.HasPrefix(head, []byte("#!")) || strings.HasPrefix(e.Name(), "activate") {
			continue
		}
		cmd := exec.CommandContext(t.Context(), filepath.Join(bin, e.Name()), "--help")
		out, _ := cmd.CombinedOutput() // some know no --help
		code := cmd.ProcessState.ExitCode()
		require.NotContains(t, []int{126, 127}, code, "%s\n%s", e.Name(), out)
		require.NotContains(t, string(out), filepath.Join(".envs", ".tmp"), e.Name())
		require.NotContains(t, string(out), "bad interpreter", e.Name())
		started = append(started, e.Name())
	}
	return started
}
