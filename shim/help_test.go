package shim

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
)

// golden compares a file that is committed with what it should be, and rewrites
// it with UPDATE_SCRIPTS=1.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if os.Getenv("UPDATE_SCRIPTS") != "" {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644)) //nolint:gosec // it is committed
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, strings.ReplaceAll(string(want), "\r\n", "\n"), got, "%s: UPDATE_SCRIPTS=1 go test ./shim rewrites it", file)
}

// model is kong's, as the help has it.
func model(t *testing.T) *kong.Node {
	t.Helper()
	k, err := newKong(&cli{})
	require.NoError(t, err)
	return k.Model.Node
}

// commands calls f for every command that is shown, whatever command it is in.
func commands(n *kong.Node, f func(*kong.Node)) {
	for _, child := range n.Children {
		if !child.Hidden {
			f(child)
			commands(child, f)
		}
	}
}

// helpOf is what --help prints after these words.
func helpOf(t *testing.T, words ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	_, _, err := parse(append(words, "--help"), &out, &errs)
	require.ErrorIs(t, err, errHelp)
	require.Empty(t, errs.String())
	return out.String()
}

// The help of everything is in testdata/help.txt, and fits a terminal.
func TestHelp(t *testing.T) {
	t.Setenv("COLUMNS", "")
	var all strings.Builder
	show := func(words ...string) {
		text := helpOf(t, words...)
		for line := range strings.Lines(text) {
			require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), 80, "%v: %s", words, line)
		}
		all.WriteString("$ modelrun " + strings.Join(append(words, "--help"), " ") + "\n" + text + "\n")
	}
	show()
	seen := map[string]bool{}
	commands(model(t), func(n *kong.Node) {
		show(strings.Fields(n.Path())...)
		seen[strings.Fields(n.Path())[0]] = true
		require.NotEmpty(t, n.Help, n.Path())
	})
	for _, name := range subcommands {
		require.True(t, seen[name], "%s is no command of kong's model", name)
	}
	require.Len(t, seen, len(subcommands))
	golden(t, "testdata/help.txt", all.String())
}

// What --help says of exit codes is what exit.go does.
func TestHelpExitCodes(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"1 ", "124 ", "125 ", "126, 127 ", "130, 143 "} {
		require.Contains(t, exitCodes, "\n  "+code)
	}
	require.Equal(t, []int{1, 124, 125, 126, 127, 130, 143},
		[]int{exitNo, exitTimeLimit, exitOurs, exitCannotStart, exitNotFound, exitInterrupt, exitTerminate})
}
