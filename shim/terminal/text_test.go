package terminal

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestMaskedAndVisible(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"see https://host/s?token=S3CRET\n": "see https://host/s?token=***\n", // no @ in the line
		"https://me:pw@host\n":              "https://***@host\n",
		"\x1b]0;owned\x07\x1b[2J":           `\x1b]0;owned\a\x1b[2J`,
		"a\rb\u009bc\u202ed":                `a\rb\u009bc\u202ed`,
		"⚠ über\tein Modell\n":              "⚠ über\tein Modell\n",
	} {
		var out strings.Builder
		n, err := Mask(&out).Write([]byte(in))
		require.NoError(t, err)
		require.Equal(t, len(in), n)
		require.Equal(t, want, out.String())
	}
}

// TestMaskOfQueries checks that a secret is hidden even in a line without an @.
func TestMaskOfQueries(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	_, err := fmt.Fprintln(Mask(&out), "from https://h/simple?token=S3CRET and https://me:S3CRET@h")
	require.NoError(t, err)
	_, err = fmt.Fprintln(Mask(&out), "from https://h/simple?token=S3CRET")
	require.NoError(t, err)
	require.Equal(t, "from https://h/simple?token=*** and https://***@h\nfrom https://h/simple?token=***\n", out.String())
}

func TestWrapped(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100)
	for in, want := range map[string]string{
		"ok  short":          "ok  short\n",
		"":                   "\n",
		"1234567 901":        "1234567 901\n",
		"1234567 9012":       "1234567\n  9012\n",
		"abc " + long + " b": "abc\n  " + long + "\n  b\n", // a path stays whole
		"üüüüüüü üüü":        "üüüüüüü üüü\n",
	} {
		require.Equal(t, want, Wrapped(in, 11, 2))
	}
	for line := range strings.Lines(Wrapped(strings.Repeat("word ", 100), 80, 9)) {
		require.LessOrEqual(t, utf8.RuneCountInString(line), 81)
	}
}

// TestOneLine checks that a file name cannot end a line of a table or colour it.
func TestOneLine(t *testing.T) {
	t.Parallel()
	require.Equal(t, "a b  [31mc", OneLine("a\nb\r\x1b[31mc"))
}
