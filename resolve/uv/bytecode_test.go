package uv

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/uv/uvtest"
)

// pair is an env, and a second one that is created next to it after a change.
type pair struct {
	*sandbox
	first, second envdir.Dir
}

func newPair(t *testing.T, change func(p *pair)) *pair {
	t.Helper()
	p := &pair{sandbox: newSandbox(t).add(
		uvtest.Wheel{Name: "pkg", Version: "1", Files: map[string]string{"pkg/__init__.py": "x = 'first'\n", "pkg/a.b.py": "", "pkg/template.py": "def {{ name }}:\n", "top.py": "y = 2\n"}},
		wheel("more", "1"))}
	fill := func(suffix string, others []envdir.Dir, packages ...string) envdir.Dir {
		lock, err := p.uv.Resolve(t.Context(), plan(packages...))
		require.NoError(t, err, p.log)
		d := p.cfg.Root.Staging("key", suffix)
		require.NoError(t, os.MkdirAll(d.Path, 0o755))
		require.NoError(t, p.uv.Venv(t.Context(), lock, d), p.log)
		require.NoError(t, p.uv.Sync(t.Context(), lock, d, others, func(Progress) {}), p.log)
		return d
	}
	p.first = fill("00000001", nil, "pkg")
	change(p)
	p.second = fill("00000002", []envdir.Dir{p.first}, "pkg", "more")
	return p
}

// in returns the path of a file in site-packages; rel is a glob pattern.
func (p *pair) in(d envdir.Dir, rel string) string {
	p.t.Helper()
	found, err := filepath.Glob(filepath.Join(d.SitePackages("*"), rel))
	require.NoError(p.t, err)
	require.Len(p.t, found, 1, rel)
	return found[0]
}

func (p *pair) linked(pyc string) bool {
	p.t.Helper()
	return sameFile(p.in(p.first, pyc), p.in(p.second, pyc))
}

const (
	initCode = "pkg/__pycache__/__init__.*.pyc"
	topCode  = "__pycache__/top.*.pyc"
)

func TestByteCodeIsLinked(t *testing.T) {
	t.Parallel()
	p := newPair(t, func(*pair) {})
	if !sameFile(p.in(p.first, "top.py"), p.in(p.second, "top.py")) {
		t.Skip("uv links nothing here")
	}
	for _, pyc := range []string{initCode, topCode, "pkg/__pycache__/a.b.*.pyc"} {
		require.True(t, p.linked(pyc), pyc)
	}
	require.FileExists(t, p.in(p.second, "__pycache__/more.*.pyc"), "a new module is compiled")
	none, err := filepath.Glob(filepath.Join(p.second.SitePackages("*"), "pkg", "__pycache__", "template*"))
	require.NoError(t, err)
	require.Empty(t, none, "a module that cannot be compiled is skipped")
	require.Contains(t, p.log.String(), "byte code of 5 modules: 3 linked\n")
	require.Equal(t, "first", p.python(p.second, "import pkg; print(pkg.x)"))
	sums, err := os.ReadFile(filepath.Join(p.second.Path, byteCode))
	require.NoError(t, err)
	require.Equal(t, 4, strings.Count(string(sums), "\n"))
	require.NoDirExists(t, filepath.Join(p.second.Path, "tmp"))
}

func TestByteCodeIsNotLinked(t *testing.T) {
	t.Parallel()
	write := func(path, content string) {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
		require.NoError(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
	}
	for name, tc := range map[string]struct {
		change func(p *pair)
		top    bool // the byte code of top.py is linked anyway
	}{
		"damaged, size and time as they were": {func(p *pair) {
			path := p.in(p.first, initCode)
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			write(path, strings.Replace(string(data), "first", "wrong", 1))
		}, true},
		"no file": {func(p *pair) { require.NoError(t, os.Remove(p.in(p.first, initCode))) }, true},
		"a link": {func(p *pair) {
			path := p.in(p.first, initCode)
			require.NoError(t, os.Rename(path, path+".real"))
			if err := os.Symlink(path+".real", path); err != nil {
				t.Skip(err)
			}
		}, true},
		"of another file": {func(p *pair) {
			path := p.in(p.first, "pkg/__init__.py")
			require.NoError(t, os.Remove(path))
			require.NoError(t, os.WriteFile(path, []byte("x = 'first'\n"), 0o644))
		}, true},
		"of another Python": {func(p *pair) {
			path := p.in(p.first, initCode)
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			sum := sha256.Sum256(data)
			data[0]++
			write(path, string(data))
			other := sha256.Sum256(data)
			list := filepath.Join(p.first.Path, byteCode)
			sums, err := os.ReadFile(list)
			require.NoError(t, err)
			write(list, strings.Replace(string(sums), hex.EncodeToString(sum[:]), hex.EncodeToString(other[:]), 1))
		}, true},
		"older than its file": {func(p *pair) {
			later := time.Now().Add(time.Hour)
			require.NoError(t, os.Chtimes(p.in(p.first, "pkg/__init__.py"), later, later)) // changes the file in the cache too
		}, true},
		"without sums": {func(p *pair) { require.NoError(t, os.Remove(filepath.Join(p.first.Path, byteCode))) }, false},
		"sums of elsewhere": {func(p *pair) {
			secret := filepath.Join(p.first.Path, "secret.x.pyc")
			require.NoError(t, os.WriteFile(secret, nil, 0o644))
			sum := sha256.Sum256(nil)
			write(filepath.Join(p.first.Path, byteCode), fmt.Sprintf("%x  ../../../__pycache__/x.x.pyc\nnonsense\n%x  ./top\n  top.pyc\n", sum, sum))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var before []byte
			p := newPair(t, func(p *pair) {
				tc.change(p)
				if found, _ := filepath.Glob(filepath.Join(p.first.SitePackages("*"), initCode)); found != nil {
					before, _ = os.ReadFile(found[0])
				}
			})
			require.Equal(t, "first", p.python(p.second, "import pkg; print(pkg.x)"))
			if before != nil {
				require.False(t, p.linked(initCode))
				after, err := os.ReadFile(p.in(p.first, initCode))
				require.NoError(t, err)
				require.Equal(t, before, after, "nothing is written into another env")
			}
			if sameFile(p.in(p.first, "top.py"), p.in(p.second, "top.py")) {
				require.Equal(t, tc.top, p.linked(topCode))
			}
		})
	}
}

// TestCompileFails checks that a full disk is an error, and that a file that is not
// Python code is not.
func TestCompileFails(t *testing.T) {
	t.Parallel()
	p := newPair(t, func(*pair) {})
	top := p.in(p.second, topCode)
	require.NoError(t, os.Remove(top))
	require.NoError(t, os.MkdirAll(filepath.Join(top, "in the way"), 0o755))
	tmp := t.TempDir()
	err := installation{uv: p.uv, dir: p.second, tmp: tmp}.compile(t.Context(), nil)
	require.Equal(t, fault.Install, fault.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, "compiling failed: top.py: ")
}
