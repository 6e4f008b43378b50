package execxtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Tool returns the path of a program that a test needs. Where it is missing the
// test is skipped, and says what is not tested; where TEST_TOOLS is set all of
// them must be there, and it fails.
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

// Packages returns a folder with these Python packages, each as NAME==VERSION
// and without what it depends on. pip installs it once per user.
func Packages(packages ...string) (string, error) {
	dir := filepath.Join(CacheDir(), strings.ReplaceAll(strings.Join(packages, "+"), "==", "-"))
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
	if out, err := PipInstall(append([]string{"--no-deps", "--target", tmp}, packages...)...); err != nil {
		return "", fmt.Errorf("installing %v for the tests: %w: %s", packages, err, out)
	}
	if err := os.Rename(tmp, dir); err != nil && !exists(dir) { // another test process was quicker otherwise
		return "", err
	}
	return dir, nil
}
