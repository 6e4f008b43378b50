package main

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestHints checks the hints in the code, because no scenario prints some of them.
func TestHints(t *testing.T) {
	t.Parallel()
	fix, found := regexp.MustCompile("Fix\\((\"(?:[^\"\\\\]|\\\\.)*\"|`[^`]*`)"), 0
	root := os.DirFS("../..")
	require.NoError(t, fs.WalkDir(root, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		code, err := fs.ReadFile(root, path)
		for _, m := range fix.FindAllStringSubmatch(string(code), -1) {
			found++
			_, hidden := commandsOf(strings.TrimPrefix(m[1][1:len(m[1])-1], "%s && ")) // %s is the command before
			require.False(t, hidden, "%s: %s has a command in its midst", path, m[1])
		}
		return err
	}))
	require.Greater(t, found, 100)
}
