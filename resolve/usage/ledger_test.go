package usage

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/fsys/fsystest"
)

func TestFrees(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	fsystest.Link(t, fsystest.Put(t, 30, a, "both"), b, "both")
	fsystest.Link(t, fsystest.Put(t, 500, dir, "elsewhere"), a, "linked")
	fsystest.Put(t, 1, a, "own")
	require.Equal(t, []int64{1, 30}, Frees([]string{a, b}))
}
