package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// Tests that start programs start from an environment that they make: each
// package with such tests has a TestMain that calls execxtest.
func TestEveryPackageIsolatesItself(t *testing.T) {
	t.Parallel()
	starts := regexp.MustCompile(`"os/exec"|execxtest"|uvtest"|execx\.Run\(`)
	isolates := regexp.MustCompile(`execxtest\.(Main|Isolate)\(`)
	programs, isolated := map[string]bool{}, map[string]bool{}
	for _, pattern := range []string{"*/*_test.go", "*/*/*_test.go"} {
		files, err := filepath.Glob(filepath.Join("../..", pattern))
		require.NoError(t, err)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			programs[filepath.Dir(file)] = programs[filepath.Dir(file)] || starts.Match(text)
			isolated[filepath.Dir(file)] = isolated[filepath.Dir(file)] || isolates.Match(text)
		}
	}
	require.Greater(t, len(programs), 10)
	for dir, yes := range programs {
		require.True(t, !yes || isolated[dir], "%s starts programs: func TestMain(m *testing.M) { execxtest.Main(m) }", dir)
	}
}
