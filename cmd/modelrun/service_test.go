//go:build linux || windows

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// example returns a file of examples/services. Only the paths that docs/services.md
// says to change are changed.
func example(t *testing.T, name string, paths map[string]string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "examples", "services", name))
	require.NoError(t, err)
	text := string(data)
	for from, to := range paths {
		require.Contains(t, text, from)
		text = strings.ReplaceAll(text, from, to)
	}
	return text
}

// serviceFolder makes a folder with a service's program (the example's own or
// another one), and a model that determines the env.
func serviceFolder(t *testing.T, program string) string {
	t.Helper()
	dir := t.TempDir()
	if program == "" {
		program = example(t, "service.py", nil)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "service.py"), []byte(program), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "model.onnx"), nil, 0o600))
	return dir
}
