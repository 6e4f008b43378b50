//go:build unix

package header

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAPipeIsNotOpenedAndALinkIsFollowed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe, blob, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "blob"), filepath.Join(dir, "model.gguf")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	_, err := Sniff(pipe) // would wait for a writer
	require.ErrorIs(t, err, ErrNotRegular)
	_, err = Sniff(os.DevNull)
	require.ErrorIs(t, err, ErrNotRegular)
	require.NoError(t, os.WriteFile(blob, []byte("GGUF\x03\x00\x00\x00"), 0o644))
	require.NoError(t, os.Symlink("blob", link))
	kind, err := Sniff(link)
	require.NoError(t, err)
	require.Equal(t, KindGGUF, kind)
}
