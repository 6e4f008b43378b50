package usage

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/fsys/fsystest"
)

// TestUsed checks a cache with two wheels, an env that links both, another one that
// links one of them, and byte code of their own. Walked and sealed envs give the
// same sizes, whatever is removed.
func TestUsed(t *testing.T) {
	t.Parallel()
	fsystest.SkipOnWindows(t) // links are not distinguished there
	for name, sealed := range map[string][]bool{"walked": {false, false}, "sealed": {true, true}, "one of each": {true, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file := func(bytes int, parts ...string) string {
				path := filepath.Join(append([]string{dir}, parts...)...)
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
				require.NoError(t, os.WriteFile(path, make([]byte, bytes), 0o600))
				return path
			}
			link := func(from string, parts ...string) string {
				path := filepath.Join(append([]string{dir}, parts...)...)
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
				require.NoError(t, os.Link(from, path))
				return path
			}
			torch, lib, numpy := file(1000, "cache", "t", "torch.py"), file(500, "cache", "t", "lib.so"), file(300, "cache", "n", "numpy.py")
			owners := map[string]string{
				link(torch, "a", "torch.py"): "torch", link(lib, "a", "lib.so"): "torch", link(numpy, "a", "numpy.py"): "numpy",
				link(torch, "b", "torch.py"): "torch", link(lib, "b", "lib.so"): "torch",
			}
			file(7, "a", "torch.pyc")
			file(9, "b", "torch.pyc")
			require.NoError(t, os.Symlink(torch, filepath.Join(dir, "b", "link")))
			place := func(name string, sealed bool) Place {
				p := Place{Path: filepath.Join(dir, name)}
				if sealed {
					z := Measure(p.Path, owners)
					p.Sealed = &z
				}
				return p
			}
			a, b := place("a", sealed[0]), place("b", sealed[1])
			used := func(places ...Place) (out []int64) {
				each, total := Used(places)
				for _, u := range each {
					out = append(out, u.Bytes, u.Alone)
				}
				return append(out, total)
			}
			cache := Place{Path: filepath.Join(dir, "cache")}
			require.Equal(t, []int64{1800, 0, 1807, 7, 1509, 9, 1816}, used(cache, a, b))
			require.NoError(t, os.RemoveAll(filepath.Join(dir, "cache", "n")))
			require.Equal(t, []int64{1500, 0, 1807, 307, 1509, 9, 1816}, used(cache, a, b), "numpy is a's alone now")
			require.NoError(t, os.RemoveAll(filepath.Join(dir, "cache")))
			require.Equal(t, []int64{0, 0, 1807, 307, 1509, 9, 1816}, used(cache, a, b))
			require.NoError(t, os.RemoveAll(b.Path))
			require.Equal(t, []int64{1807, 1807, 1807}, used(a))
		})
	}
}

// TestByteCodeOfAnother checks byte code that a later env links. It counts in both
// envs and once in the total, and deleting one of them does not free it. It takes
// one entry per package.
func TestByteCodeOfAnother(t *testing.T) {
	t.Parallel()
	fsystest.SkipOnWindows(t) // as above
	dir := t.TempDir()
	owners := map[string]string{}
	var places []Place
	for _, env := range []string{"a", "b"} {
		place := Place{Path: filepath.Join(dir, env)}
		for _, module := range []string{"x", "y", "z"} {
			source := filepath.Join(dir, env, "pkg", module+".py")
			owners[source] = "pkg"
			code := filepath.Join(dir, env, "pkg", "__pycache__", module+".cpython-311.pyc")
			require.NoError(t, os.MkdirAll(filepath.Dir(code), 0o755))
			require.NoError(t, os.WriteFile(source, make([]byte, 10), 0o600))
			if env == "a" {
				require.NoError(t, os.WriteFile(code, make([]byte, 100), 0o600))
			} else {
				require.NoError(t, os.Link(filepath.Join(dir, "a", "pkg", "__pycache__", filepath.Base(code)), code))
			}
		}
		z := Measure(place.Path, owners) // b does not exist yet when a is measured
		require.EqualValues(t, 330, z.Bytes)
		require.EqualValues(t, 30, z.Own)
		require.Len(t, z.Linked, 1)
		place.Sealed = &z
		places = append(places, place)
	}
	for _, places := range [][]Place{places, {{Path: places[0].Path}, places[1]}, {{Path: places[0].Path}, {Path: places[1].Path}}} {
		each, total := Used(places)
		require.Equal(t, []Usage{{330, 30}, {330, 30}}, each)
		require.EqualValues(t, 360, total)
	}
	each, total := Used(places[:1])
	require.EqualValues(t, 330, total)
	require.EqualValues(t, 30, each[0].Alone, "what b has as well stays")
	require.NoError(t, os.RemoveAll(places[1].Path))
	each, _ = Used(places[:1])
	require.EqualValues(t, 330, each[0].Alone)
}

// TestMeasure checks that links within an env count once, and belong to the env
// alone.
func TestMeasure(t *testing.T) {
	t.Parallel()
	fsystest.SkipOnWindows(t) // as above
	dir := t.TempDir()
	require.Equal(t, Sizes{Linked: map[string]int64{}}, Measure(filepath.Join(dir, "none"), nil))
	file, outside := filepath.Join(dir, "env", "file"), filepath.Join(dir, "outside")
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, make([]byte, 1000), 0o600))
	require.NoError(t, os.Link(file, filepath.Join(dir, "env", "again")))
	require.NoError(t, os.WriteFile(outside, make([]byte, 10), 0o600))
	require.NoError(t, os.Link(outside, filepath.Join(dir, "env", "linked")))
	z := Measure(filepath.Join(dir, "env"), nil)
	require.Equal(t, 3, z.Files)
	require.EqualValues(t, 1010, z.Bytes)
	each, _ := Used([]Place{{Path: filepath.Join(dir, "env")}, {Path: filepath.Join(dir, "env"), Sealed: &z}})
	require.EqualValues(t, 1000, each[0].Alone)
	require.Equal(t, each[0], each[1])
}

// TestSizesSane checks that a damaged seal is ignored, and that the env is walked
// instead.
func TestSizesSane(t *testing.T) {
	t.Parallel()
	require.True(t, (&Sizes{Own: 1, Linked: map[string]int64{"a": 2}}).Sane())
	for _, z := range []*Sizes{nil, {Own: -1}, {Own: math.MaxInt64}, {Linked: map[string]int64{"a": -1}}, {Linked: map[string]int64{"a": math.MaxInt64}}} {
		require.False(t, z.Sane())
	}
}
