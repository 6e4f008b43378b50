package fsys

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const limit = 1 << 20

func TestWriteFileIsNeverSeenInPart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a", "b.json")
	words := []string{strings.Repeat("x", 100_000), strings.Repeat("y", 50_000)}
	require.NoError(t, WriteFile(path, []byte(words[0])))
	var wg sync.WaitGroup
	for _, w := range words {
		wg.Go(func() {
			for range 50 {
				if err := WriteFile(path, []byte(w)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 100 {
		data, err := ReadFile(path, limit)
		require.NoError(t, err)
		require.Contains(t, words, string(data))
	}
	wg.Wait()
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1, "no temporary file stays")
}

func TestFreeBytesOfWhatIsNotThereYet(t *testing.T) {
	t.Parallel()
	n, err := FreeBytes(filepath.Join(t.TempDir(), "not", "yet"))
	require.NoError(t, err)
	require.NotZero(t, n)
}

func TestReadFileRefusesLargeFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "big")
	require.NoError(t, os.WriteFile(path, nil, 0o644))
	require.NoError(t, os.Truncate(path, 50<<20))
	_, err := ReadFile(path, limit)
	require.ErrorIs(t, err, ErrNotRegular)
	require.NoError(t, os.Truncate(path, limit))
	_, err = ReadFile(path, limit)
	require.NoError(t, err)
}

func TestWithin(t *testing.T) {
	t.Parallel()
	dir := filepath.FromSlash("/a/b")
	for path, want := range map[string]bool{"/a/b": true, "/a/b/c": true, "/a/b/..c": true, "/a/b/c/../d": true, "/a": false, "/a/bc": false, "/a/b/../c": false, "x": false} {
		require.Equal(t, want, Within(filepath.FromSlash(path), dir), path)
	}
}

func TestExistsAndMissing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	require.True(t, Exists(file))
	require.False(t, Missing(file))
	for _, path := range []string{filepath.Join(dir, "none"), filepath.Join(file, "below")} {
		require.False(t, Exists(path), path)
		require.True(t, Missing(path), path)
	}
	unknown := filepath.Join(dir, strings.Repeat("x", 5000)) // no file system can look it up
	require.False(t, Exists(unknown))
	if runtime.GOOS != "windows" {
		require.False(t, Missing(unknown))
	}
}
