package shim

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

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
		require.Equal(t, want, wrapped(in, 11, 2))
	}
	for line := range strings.Lines(wrapped(strings.Repeat("word ", 100), 80, 9)) {
		require.LessOrEqual(t, utf8.RuneCountInString(line), 81)
	}
}

// A file's name cannot end a line of the table, or colour it.
func TestOneLine(t *testing.T) {
	t.Parallel()
	require.Equal(t, "a b  [31mc", oneLine("a\nb\r\x1b[31mc"))
}

// A secret is hidden wherever it stands, not only where an @ does.
func TestMaskOfQueries(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	_, err := fmt.Fprintln(mask{&out}, "from https://h/simple?token=S3CRET and https://me:S3CRET@h")
	require.NoError(t, err)
	_, err = fmt.Fprintln(mask{&out}, "from https://h/simple?token=S3CRET")
	require.NoError(t, err)
	require.Equal(t, "from https://h/simple?token=*** and https://***@h\nfrom https://h/simple?token=***\n", out.String())
}
