package source

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// write makes a file below dir.
func write(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
}

func TestName(t *testing.T) {
	t.Parallel()
	for file, texts := range map[string]map[string]string{
		"pyproject.toml": {
			"[project]\nname = \"My.Lib\"":                   "my-lib",
			"[tool.poetry]\nname = \"my-lib\"":               "my-lib",
			"[build-system]\nrequires = []":                  "",
			"[project":                                       "",
			"[project]\nversion = \"1\"\n[tool.x]\nname=1\n": "",
		},
		"setup.cfg": {"[options]\nname = x\n[metadata]\nversion = 1\nname = my_lib\n": "my-lib", "[options]\nname = x\n": ""},
		"setup.py":  {"setup(\n  name='my_lib', version='1')": "my-lib", "setup(name=NAME)": ""},
	} {
		for text, want := range texts {
			dir := t.TempDir()
			write(t, dir, file, text)
			name, err := Name(dir, "")
			require.Equal(t, want, name, text)
			if want == "" {
				require.ErrorContains(t, err, "does not state its name", text)
			}
			name, err = Name(dir, "other")
			if want == "" {
				require.NoError(t, err)
				require.Equal(t, "other", name)
			} else {
				require.ErrorContains(t, err, "is the package my-lib, not other")
			}
		}
	}
	dir := t.TempDir()
	for file, want := range map[string]string{
		"my_lib-1.0-py3-none-any.whl": "my-lib", "my-lib-1.0.tar.gz": "my-lib", "x-1.zip": "x", "x.txt": "", "nodash.whl": "",
	} {
		write(t, dir, file, "")
		name, _ := Name(filepath.Join(dir, file), "")
		require.Equal(t, want, name, file)
	}
	_, err := Name(dir, "")
	require.ErrorContains(t, err, "is no package: it has no pyproject.toml, setup.cfg, setup.py")
	_, err = Name(filepath.Join(dir, "none"), "")
	require.ErrorContains(t, err, "cannot be read")
}

// TestRead checks what changes a stamp and a sum.
func TestRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "setup.py", "setup(name='x')")
	write(t, dir, "x/__init__.py", "")
	first, err := Read(dir, "")
	require.NoError(t, err)
	require.Equal(t, "x", first.Name)
	for _, file := range []string{".git/HEAD", "build/lib/x.py", "x.egg-info/PKG-INFO", "x/__pycache__/x.pyc"} {
		write(t, dir, file, "new")
	}
	same, err := Read(dir, "")
	require.NoError(t, err)
	require.Equal(t, first, same)
	write(t, dir, "x/__init__.py", "y = 1")
	content, err := Read(dir, "")
	require.NoError(t, err)
	require.Equal(t, first.Stamp, content.Stamp)
	require.NotEqual(t, first.Sum, content.Sum)
	write(t, dir, "setup.py", "setup(name='x', version='2')")
	require.NotEqual(t, first.Stamp, Stamp(dir))
	require.Empty(t, Stamp(filepath.Join(dir, "none")))
}
