package uv

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMasked(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	n, err := masked{&b}.Write([]byte("https://me:pw@example.org/"))
	require.NoError(t, err)
	require.Equal(t, 26, n, "the length of the input")
	require.Equal(t, "https://***@example.org/", b.String())
	_, err = masked{}.Write([]byte("x"))
	require.NoError(t, err)
	_, err = masked{failingWriter{}}.Write([]byte("x"))
	require.Error(t, err)
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestLineWriter(t *testing.T) {
	t.Parallel()
	var all bytes.Buffer
	var lines []string
	w := &lineWriter{next: &all, line: func(s string) { lines = append(lines, s) }}
	for _, part := range []string{"Down", "loaded a\r\nPre", "pared 1\n\nrest"} {
		_, err := w.Write([]byte(part))
		require.NoError(t, err)
	}
	require.Equal(t, []string{"Downloaded a", "Prepared 1", ""}, lines)
	require.Equal(t, "Downloaded a\r\nPrepared 1\n\nrest", all.String())
}
