package cli_test

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/shim/cli"
	"github.com/modelrun/modelrun/shim/command"
	"github.com/modelrun/modelrun/shim/config"
)

// golden compares a committed file with the expected content. With UPDATE_SCRIPTS=1
// it rewrites the file.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if os.Getenv("UPDATE_SCRIPTS") != "" {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644)) //nolint:gosec // the file is committed
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, strings.ReplaceAll(string(want), "\r\n", "\n"), got, "%s: UPDATE_SCRIPTS=1 go test ./shim/cli rewrites it", file)
}

// model returns kong's model with which the help is printed.
func model(t *testing.T) *kong.Node {
	t.Helper()
	node, err := cli.Model(grammar())
	require.NoError(t, err)
	return node
}

// commands calls f for every visible command, at any level.
func commands(n *kong.Node, f func(*kong.Node)) {
	for _, child := range n.Children {
		if !child.Hidden {
			f(child)
			commands(child, f)
		}
	}
}

// helpOf returns what --help prints after these words.
func helpOf(t *testing.T, words ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	_, err := cli.Parse(append(words, "--help"), grammar(), &out, &errs)
	require.ErrorIs(t, err, cli.ErrHelp)
	require.Empty(t, errs.String())
	return out.String()
}

// TestHelp checks that testdata/help.txt holds the help of every command, and that
// the help fits a terminal.
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
	for _, sub := range grammar().Subs {
		require.True(t, seen[sub.Name], "%s is no command of kong's model", sub.Name)
	}
	require.Len(t, seen, len(grammar().Subs))
	golden(t, "testdata/help.txt", all.String())
}

// grammar returns the whole grammar.
func grammar() cli.Grammar {
	g := cli.Grammar{Settings: config.Settings()}
	for _, c := range command.All() {
		g.Subs = append(g.Subs, c.Sub)
	}
	return g
}

// TestHelpExitCodes checks that the help names the exit codes of shim's exit.go. A
// test in that package lists them too.
func TestHelpExitCodes(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"1 ", "124 ", "125 ", "126, 127 ", "130, 143 "} {
		require.Contains(t, cli.ExitCodes, "\n  "+code)
	}
}
