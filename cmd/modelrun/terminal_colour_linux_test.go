package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// TestColour checks that colours are used on a terminal, or if requested. Words
// next to them give the same information.
func TestColour(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	const red, green = "\x1b[31merror:\x1b[0m", "\x1b[32mhealthy\x1b[0m"
	for name, tt := range map[string]struct {
		env      []string
		terminal bool
		want     bool
	}{
		"a terminal":                     {[]string{"TERM=xterm"}, true, true},
		"a terminal, NO_COLOR":           {[]string{"TERM=xterm", "NO_COLOR=1"}, true, false},
		"a terminal, an empty NO_COLOR":  {[]string{"TERM=xterm", "NO_COLOR="}, true, true},
		"a terminal, CLICOLOR=0":         {[]string{"TERM=xterm", "CLICOLOR=0"}, true, false},
		"a terminal, FORCE_COLOR=0":      {[]string{"TERM=xterm", "FORCE_COLOR=0"}, true, false},
		"a dumb terminal":                {[]string{"TERM=dumb"}, true, false},
		"a terminal without a name":      {nil, true, false},
		"a pipe":                         {[]string{"TERM=xterm"}, false, false},
		"a pipe, CLICOLOR_FORCE":         {[]string{"CLICOLOR_FORCE=1"}, false, true},
		"a pipe, FORCE_COLOR":            {[]string{"FORCE_COLOR=1", "TERM=dumb"}, false, true},
		"a pipe, CLICOLOR_FORCE=0":       {[]string{"CLICOLOR_FORCE=0"}, false, false},
		"NO_COLOR is stronger than both": {[]string{"FORCE_COLOR=1", "CLICOLOR_FORCE=1", "NO_COLOR=1"}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, command := range []struct {
				args         []string
				colour, word string
			}{
				{[]string{"doktor"}, red, "error: unknown command"},
				{[]string{"list"}, green, "healthy"},
				{[]string{"explain"}, "\x1b[32mused\x1b[0m", "used"},
				{[]string{"doctor"}, "\n\x1b[32mok\x1b[0m       machine: ", "ok       machine: "},
				{[]string{"profiles"}, "\x1b[32mchosen\x1b[0m       cpu ", "chosen       cpu "},
			} {
				c := r.other(t, built, command.args...)
				c.Env = append(c.Env[:len(c.Env):len(c.Env)], tt.env...)
				var out bytes.Buffer
				if tt.terminal {
					person := atTerminal(t, c)
					drained := make(chan struct{})
					go func() { defer close(drained); _, _ = io.Copy(&out, person) }() // it ends when the last writer has closed the terminal
					_ = c.Wait()                                                       // exit codes 1 and 125 are expected
					_ = c.Stdin.(io.Closer).Close()                                    //nolint:errcheck // our own end
					<-drained
				} else {
					c.Stdout, c.Stderr = &out, &out
					_ = c.Run()
				}
				text := strings.ReplaceAll(out.String(), "\r\n", "\n")
				if tt.want {
					require.Contains(t, text, command.colour)
				} else {
					require.Contains(t, text, command.word)
					require.NotContains(t, text, "\x1b[")
				}
			}
		})
	}
}

// TestNoColourInJSON checks that JSON is never coloured, even if colours are
// requested.
func TestNoColourInJSON(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	for _, args := range [][]string{{"list", "--json"}, {"profiles", "--json"}, {"--log-format", "json", "which", "--env", "no-such"}} {
		c := r.other(t, built, args...)
		c.Env = append(c.Env[:len(c.Env):len(c.Env)], "FORCE_COLOR=1")
		var out bytes.Buffer
		c.Stdout, c.Stderr = &out, &out
		_ = c.Run() // some of them fail
		require.NotContains(t, out.String(), "\x1b[", args)
	}
}

// TestEightyColumns checks that the output fits 80 columns, except for lines with a
// path or a command, which the user pastes as a whole.
func TestEightyColumns(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	for _, args := range [][]string{{"--help"}, {"profiles"}, {"profiles", "--family", "vllm"}, {"doctor"}} {
		c := r.other(t, built, args...)
		out, _ := c.Output() // doctor exits with 1, because it has findings
		require.NotEmpty(t, out)
		for line := range strings.Lines(string(out)) {
			line = strings.TrimSuffix(line, "\n")
			if !strings.Contains(line, string(r.root)) && !strings.HasPrefix(strings.TrimSpace(line), "hint: ") {
				require.LessOrEqual(t, utf8.RuneCountInString(line), 80, "%v: %s", args, line)
			}
		}
	}
}
