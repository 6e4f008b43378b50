package uv

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/execx/execxtest"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/uv/uvtest"
)

// TestLook checks that Look installs and writes nothing, and that neither Look nor
// Find runs a uv that another user could have written.
func TestLook(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the uv of these cases is a shell script")
	}
	dir := t.TempDir()
	cfg := Config{Root: envdir.Root(filepath.Join(dir, "root")), Env: execx.Environ{"PATH=" + dir}}
	_, err := Look(t.Context(), cfg)
	require.Equal(t, fault.NoUV, fault.CodeOf(err))
	require.NoDirExists(t, string(cfg.Root))

	ran := filepath.Join(dir, "ran")
	require.NoError(t, execxtest.Write(installed(cfg), []byte("#!/bin/sh\n: > "+ran+"\necho uv 0.13.1\n")))
	tools := cfg.Root.Tools().Dir()
	require.NoError(t, os.Chmod(tools, 0o777)) //nolint:gosec // now every user can replace it
	_, err = Look(t.Context(), cfg)
	require.Equal(t, fault.NoUV, fault.CodeOf(err))
	require.ErrorContains(t, err, installed(cfg)+" is not run: "+tools)
	_, err = Find(t.Context(), cfg)
	require.Equal(t, fault.Untrusted, fault.CodeOf(err))
	require.NoFileExists(t, ran)
	require.NoError(t, os.Chmod(tools, 0o755)) //nolint:gosec // as before
	u, err := Look(t.Context(), cfg)
	require.NoError(t, err)
	require.Equal(t, "in the root", u.Source)
	require.FileExists(t, ran)
}

// TestPythonOnly checks that Python downloads nothing and writes nothing into the
// root.
func TestPythonOnly(t *testing.T) {
	t.Parallel()
	root := envdir.Root(t.TempDir())
	u, err := Look(t.Context(), Config{Root: root, Env: os.Environ(), Override: uvtest.Path(t), NoCache: true})
	require.NoError(t, err)
	path, err := u.Python(t.Context(), profile.Plan{Python: profile.Python{Min: "3.9"}})
	require.NoError(t, err)
	require.FileExists(t, path)
	_, err = u.Python(t.Context(), profile.Plan{Python: profile.Python{Best: "3.99"}})
	require.Equal(t, fault.NoPython, fault.CodeOf(err))
	require.Contains(t, fault.RemedyOf(err), "uv python install 3.99")
	entries, err := os.ReadDir(string(root))
	require.NoError(t, err)
	require.Empty(t, entries)
}
