package execxtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Tool returns the path of a program that a test needs. If it is missing, the
// test is skipped and reports what is not tested. If TEST_TOOLS is set, the
// test fails instead.
func Tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(t, "%s is not installed", name)
	}
	return path
}

// Missing ends a test that lacks a tool: see [Tool].
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("TEST_TOOLS") != "" {
		t.Fatalf("TEST_TOOLS is set: "+format, args...)
	}
	t.Skipf("NOT TESTED: "+format, args...)
}

// Package returns a folder with a Python package, NAME==VERSION, without its
// dependencies. pip installs it once per user.
func Package(spec string) (string, error) {
	dir := filepath.Join(CacheDir(), strings.ReplaceAll(spec, "==", "-"))
	if exists(dir) {
		return dir, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "new-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	if err := Pip("install", "-q", "--no-deps", "--target", tmp, spec); err != nil {
		return "", fmt.Errorf("installing %s for the tests: %w", spec, err)
	}
	if err := os.Rename(tmp, dir); err != nil && !exists(dir) { // otherwise another test process was faster
		return "", err
	}
	return dir, nil
}

// Pip runs pip with these arguments. It uses the caller's package sources.
func Pip(args ...string) error {
	python := withPip()
	if python == "" {
		return errors.New("no python3 on PATH has pip")
	}
	c := exec.Command(python, append([]string{"-m", "pip"}, args...)...) //nolint:gosec // the tester's own
	c.Env = Online()
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s -m pip: %w: %s", python, err, out)
	}
	return nil
}

// PythonWithPip returns a Python that has pip: the one on PATH, or else the
// caller's, such as a venv's.
func PythonWithPip(t testing.TB) string {
	t.Helper()
	python := withPip()
	if python == "" {
		Missing(t, "no python3 on PATH has pip")
	}
	return python
}

// withPip returns a Python that has pip, or "".
func withPip() string {
	for _, path := range []string{os.Getenv("PATH"), callers("PATH")} {
		for _, dir := range filepath.SplitList(path) {
			python := filepath.Join(dir, python3)
			if !exists(python) {
				continue
			}
			c := exec.Command(python, "-I", "-c", "import pip") //nolint:gosec // the tester's own
			c.Env = Online()
			if c.Run() == nil {
				return python
			}
			break // the caller does not mean a later one on PATH
		}
	}
	return ""
}
