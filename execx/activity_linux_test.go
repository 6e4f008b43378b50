package execx

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzParseProc(f *testing.F) {
	f.Add([]byte("42 (a) b) S 1 42 42 0 -1 4194304 1 2 3 4 10 20 30 40 20 0 1"))
	f.Add([]byte("rchar: 1\nwchar: 2\n"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		parseStat(data)
		parseIO(data)
	})
}

func TestParseProc(t *testing.T) {
	t.Parallel()
	ticks, ok := parseStat([]byte("42 (a) b) S 1 42 42 0 -1 4194304 1 2 3 4 10 20 30 40 20 0 1"))
	require.True(t, ok)
	require.EqualValues(t, 100, ticks)
	read, written, ok := parseIO([]byte("rchar: 7\nwchar: 5\nsyscr: 1\n"))
	require.True(t, ok)
	require.EqualValues(t, 7, read)
	require.EqualValues(t, 5, written)
	_, _, ok = parseIO([]byte("rchar: 7\n"))
	require.False(t, ok)
}
