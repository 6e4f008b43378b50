package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// capabilities lists the prefixes of the scripts' names, with what each part of
// modelrun does.
var capabilities = []struct{ prefix, does string }{
	{"launch", "starting a program"}, {"model", "what the model needs"}, {"line", "the two lines of transformers"},
	{"family", "the families"}, {"profile", "hardware profiles"}, {"root", "the root"},
	{"choose", "which environment is used"}, {"wait", "waiting for another creator"}, {"create", "creating an environment"},
	{"ensure", "creating ahead of time"}, {"with", "packages beyond the key"}, {"health", "checking an environment"},
	{"repair", "rebuilding an environment"}, {"export", "the lock of an environment"}, {"lock", "an environment from a lock"},
	{"cli", "the command line"}, {"config", "settings"}, {"doctor", "doctor"}, {"launcher", "launchers"}, {"migrate", "migrate"}, {"prune", "prune"},
	{"security", "what other users can do"},
}

// TestScenarioIndex checks testdata/script/README.md, which has a line for each
// script: the script's first line. UPDATE_SCRIPTS=1 writes it.
func TestScenarioIndex(t *testing.T) {
	t.Parallel()
	const dir = "testdata/script"
	files, err := filepath.Glob(dir + "/*.txt")
	require.NoError(t, err)
	lines := map[string]string{} // by capability
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		first, _, _ := strings.Cut(string(text), "\n")
		require.Regexp(t, regexp.MustCompile(`^# \S.*\.$`), first, "%s: its first line says what it shows, in one sentence", file)
		name := filepath.Base(file)
		prefix, _, _ := strings.Cut(strings.TrimSuffix(name, ".txt"), "_")
		lines[prefix] += fmt.Sprintf("- [%s](%s): %s\n", strings.TrimSuffix(name, ".txt"), name, strings.TrimPrefix(first, "# "))
	}
	index := "# Scenarios\n\nEach script is a story that a user sees, run with the real program: `go test -run 'TestScenario/^NAME$' ./cmd/modelrun`.\n" +
		"The commands that a script may use are in `scenario_test.go`. This page is made of the first line of each script (`UPDATE_SCRIPTS=1`).\n"
	for _, c := range capabilities {
		require.NotEmpty(t, lines[c.prefix], "no script is called %s_…", c.prefix)
		index += "\n## " + c.prefix + ": " + c.does + "\n\n" + lines[c.prefix]
		delete(lines, c.prefix)
	}
	require.Empty(t, lines, "a script's name begins with what it is about: see capabilities")
	page := filepath.Join(dir, "README.md")
	if os.Getenv("UPDATE_SCRIPTS") != "" {
		require.NoError(t, os.WriteFile(page, []byte(index), 0o600))
	}
	got, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Equal(t, index, string(got), "run UPDATE_SCRIPTS=1 go test -run TestScenarioIndex ./cmd/modelrun")
}
