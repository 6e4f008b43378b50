package uv

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/pylock"

	"github.com/modelrun/modelrun/resolve/envdir"
)

// TestTrack follows a download as uv 0.13.9 reports it, with the content of the
// disk in between.
func TestTrack(t *testing.T) {
	t.Parallel()
	root := envdir.Root(t.TempDir())
	u := &UV{cfg: Config{Root: root}}
	d := root.Staging("onnx-cpu", "0123abcd")
	put := func(bytes int, parts ...string) {
		t.Helper()
		path := filepath.Join(append([]string{root.Cache()}, parts...)...)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, make([]byte, bytes), 0o600))
	}
	put(1, "archive-v0", "aaaaaaaaaaaaaaaa", "typing_extensions-4.12.dist-info", "METADATA")
	put(1, "archive-v0", "bbbbbbbbbbbbbbbb", "another-1.dist-info", "METADATA")
	l := Lock{Packages: []pylock.Package{{Name: "typing-extensions", Version: "4.12", Size: 30e3}, {Name: "torch", Version: "2.11.0+cu128", Size: 600e6}, {Name: "numpy", Version: "2.2.0"}, {Name: "six", Version: "1.17.0", Size: 11e3}}}
	var said []Progress
	tr := newTracker(u, l, d, func(p Progress) { said = append(said, p) })
	last := func() Progress { return said[len(said)-1] }
	require.Equal(t, Progress{Packages: 1, TotalPackages: 4}, last(), "packages in the cache count at once")

	tr.line("Using Python 3.12.1 environment at: .venv")
	tr.line("Downloading numpy (15.0MiB)")
	tr.line("Downloading torch (572.2MiB)")
	numpy := int64(15 << 20)
	require.Equal(t, Progress{Packages: 1, TotalPackages: 4, Doing: "downloading torch 2.11.0+cu128", TotalBytes: 600e6 + numpy}, last())
	n := len(said)
	tr.poll()
	require.Len(t, said, n, "nothing new: no sign of life")
	put(200e3, ".tmpAbC123", "torch", "lib.so")
	tr.poll()
	require.EqualValues(t, 100e3, last().DoneBytes, "about half of what was unpacked")
	put(1, "archive-v0", "cccccccccccccccc", "numpy-2.2.0.dist-info", "METADATA")
	tr.poll()
	require.Equal(t, 1, last().Packages, "it may be for another Python: uv downloads it")
	tr.line("Downloaded numpy")
	require.Equal(t, numpy, last().DoneBytes)
	require.Equal(t, 2, last().Packages)
	put(1, "archive-v0", "dddddddddddddddd", "six-1.17.0.dist-info", "METADATA")
	tr.poll()
	require.Equal(t, 3, last().Packages, "uv reports nothing about small wheels")
	tr.line("Downloaded torch")
	tr.line("Prepared 3 packages in 12.3s")
	require.Equal(t, Progress{Packages: 3, TotalPackages: 4, Doing: "linking", DoneBytes: 600e6 + numpy, TotalBytes: 600e6 + numpy}, last())
	require.NoError(t, os.MkdirAll(filepath.Join(d.SitePackages("3.12"), "six-1.17.0.dist-info"), 0o755))
	tr.poll()
	require.Equal(t, 1, last().Packages)
	tr.line("Installed 4 packages in 98ms")
	tr.poll()
	require.Equal(t, 4, last().Packages)
	require.Equal(t, "compiling", last().Doing)
}

func TestMebibytes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"15.5MiB)": 31 << 19, "2.0GiB)": 2 << 30, "1.0KiB)": 1 << 10, "": 0, "MiB)": 0, "-3MiB)": 0, "NaNMiB)": 0, "1e300GiB)": 0, "12 parsecs)": 0,
	} {
		require.Equal(t, want, mebibytes(text), text)
	}
}

// TestMissing checks that packages in the cache need no download and no space.
func TestMissing(t *testing.T) {
	t.Parallel()
	l := Lock{Packages: []pylock.Package{{Name: "typing-extensions", Version: "4.12", Size: 30}, {Name: "torch", Version: "2.11.0", Size: 600}}, Download: 630}
	require.Equal(t, int64(630), l.Missing())
	l.cached = map[string]bool{distKey("Typing_Extensions", "4.12"): true, distKey("torch", "2.10.0"): true}
	require.Equal(t, int64(600), l.Missing())
	l.cached[distKey("torch", "2.11.0")] = true
	require.Zero(t, l.Missing())
	l.Download = -1
	require.Equal(t, int64(-1), l.Missing(), "not known")
}
