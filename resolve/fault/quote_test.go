package fault

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestQuote checks that a quoted text is one word for the shell.
func TestQuote(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"models/llama-3": "models/llama-3",
		"a b":            "'a b'",
		"it's":           `'it'\''s'`,
		"":               "''",
		"$(rm)":          "'$(rm)'",
		"a\nb":           "'a\nb'",
		`a\b`:            `'a\b'`,
		"~root":          "'~root'",
		"=ls":            "'=ls'",
		"a~1=b":          "a~1=b",
	}
	remove := "rm -r 'a b'"
	if runtime.GOOS == "windows" {
		cases = map[string]string{
			`C:\models\llama-3`: `C:\models\llama-3`,
			`C:\a b`:            `"C:\a b"`,
			"it's":              `"it's"`,
			"":                  `""`,
			"a&calc":            `"a&calc"`,
		}
		remove = `rmdir /s /q "a b"`
	}
	for in, want := range cases {
		require.Equal(t, want, Quote(in))
	}
	require.Equal(t, remove, Remove("a b"))
}

// TestWindowsQuoted checks that PowerShell runs nothing of a quoted name.
func TestWindowsQuoted(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`C:\a b`:     `"C:\a b"`,
		"$(calc)":    "\"`$(calc)\"",
		"`$(calc)":   "\"```$(calc)\"",
		"“;calc;“":   "\"`“;calc;`“\"",
		`\\nas\m$\x`: `"\\nas\m$\x"`,
	} {
		require.Equal(t, want, windowsQuoted(in))
	}
}
