//go:build !windows

package execx_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx"
)

func TestLookPath(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for name, mode := range map[string]os.FileMode{"a/plain": 0o644, "a/tool": 0o755, "b/tool": 0o755, "b/plain": 0o755, "a/only": 0o644} {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"), mode))
	}
	require.NoError(t, os.MkdirAll(filepath.Join(root, "a/folder"), 0o755))
	require.NoError(t, os.Symlink("none", filepath.Join(root, "a/dangling")))
	a, b := filepath.Join(root, "a"), filepath.Join(root, "b")
	for name, tt := range map[string]struct {
		word string
		dirs []string
		want string
		err  error
	}{
		"the first folder wins":                     {"tool", []string{a, b}, a + "/tool", nil},
		"what cannot be executed is passed over":    {"plain", []string{a, b}, b + "/plain", nil},
		"found, but not executable":                 {"only", []string{a, b}, "", fs.ErrPermission},
		"a folder is not executable":                {"folder", []string{a, b}, "", fs.ErrPermission},
		"nowhere":                                   {"none", []string{a, b}, "", fs.ErrNotExist},
		"a dangling link":                           {"dangling", []string{a}, "", fs.ErrNotExist},
		"relative folders are no folders":           {"lookpath.go", []string{"", ".", "../execx"}, "", fs.ErrNotExist},
		"a folder that is a file":                   {"tool", []string{a + "/tool", b}, b + "/tool", nil},
		"no name":                                   {"", []string{a}, "", fs.ErrNotExist},
		"absolute":                                  {b + "/tool", nil, b + "/tool", nil},
		"absolute, not executable":                  {a + "/plain", []string{b}, "", fs.ErrPermission},
		"absolute, below a file":                    {a + "/tool/x", nil, "", fs.ErrNotExist},
		"relative with a separator is not searched": {"./lookpath.go", []string{a}, "", fs.ErrNotExist},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := execx.LookPath(tt.word, tt.dirs, nil)
			require.ErrorIs(t, err, tt.err)
			require.Equal(t, tt.want, got)
		})
	}
}
