package uv

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/execx/execxtest"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/uv/uvtest"
)

func TestFind(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the uv of these cases is a shell script")
	}
	fake := func(t *testing.T, dir, says string) string {
		t.Helper()
		path := filepath.Join(dir, "uv")
		require.NoError(t, execxtest.Write(path, []byte("#!/bin/sh\necho '"+says+"'\n")))
		return path
	}
	type places struct{ override, beside, root, path string } // the output of the uv at each place
	for name, c := range map[string]struct {
		places
		version, source string
		err             []string
	}{
		"the named one first":     {places{"uv 0.5.1", "uv 0.13.1", "uv 0.13.2", "uv 0.13.3"}, "0.5.1", "MODELRUN_UV", nil},
		"beside modelrun":         {places{"", "uv 0.13.1", "uv 0.13.2", "uv 0.13.3"}, "0.13.1", "beside modelrun", nil},
		"in the root":             {places{"", "", "uv 0.13.2", "uv 0.13.3"}, "0.13.2", "in the root", nil},
		"on PATH":                 {places{"", "", "", "uv 0.13.3 (abc 2026-01-01)"}, "0.13.3", "on PATH", nil},
		"a broken one is passed":  {places{"", "nonsense", "", "uv 0.13.3"}, "0.13.3", "on PATH", nil},
		"the named one is broken": {places{"nonsense", "uv 0.13.1", "", ""}, "", "", []string{"the uv that is named, ", "cannot be used"}},
		"PATH's is too old":       {places{"", "", "", "uv 0.8.0"}, "", "", []string{"is version 0.8.0, 0.10 to 0.13 are known to work"}},
		"PATH's is no uv":         {places{"", "", "", "universe 1"}, "", "", []string{"cannot be used: it does not say a version"}},
		"no uv and no Python":     {places{}, "", "", []string{"uv is not to be found", "no Python with pip is on PATH"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			cfg := Config{Root: envdir.Root(filepath.Join(dir, "root")), BesideDir: filepath.Join(dir, "beside"), Env: execx.Environ{"PATH=" + filepath.Join(dir, "path")}}
			if c.override != "" {
				cfg.Override = fake(t, filepath.Join(dir, "override"), c.override)
			}
			for where, says := range map[string]string{cfg.BesideDir: c.beside, filepath.Dir(installed(cfg)): c.root, filepath.Join(dir, "path"): c.path} {
				if says != "" {
					fake(t, where, says)
				}
			}
			u, err := Find(t.Context(), cfg)
			if c.err != nil {
				require.Equal(t, fault.NoUV, fault.CodeOf(err))
				for _, words := range c.err {
					require.ErrorContains(t, err, words)
				}
				if cfg.Override == "" {
					require.Contains(t, fault.RemedyOf(err), "python3 -m pip install uv=="+pinned)
				}
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.version, u.Version)
			require.Equal(t, c.source, u.Source)
		})
	}
}

func TestFindOffline(t *testing.T) {
	t.Parallel()
	_, err := Find(t.Context(), Config{Root: envdir.Root(t.TempDir()), Offline: true, Env: execx.Environ{"PATH="}})
	require.Equal(t, fault.NoUV, fault.CodeOf(err))
	require.ErrorContains(t, err, "--offline is set")
}

// pythonAlone returns a folder for PATH with a Python that has pip, and without uv.
// The Python is the real one, not the shim of a version manager.
func pythonAlone(t *testing.T) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("a link needs a privilege there")
	}
	dir := t.TempDir()
	// Through a link, a venv's python would not run as that venv.
	start := "#!/bin/sh\nexec " + execxtest.PythonWithPip(t) + " \"$@\"\n"
	require.NoError(t, execxtest.Write(filepath.Join(dir, "python3"), []byte(start)))
	return dir
}

// TestBootstrapIndexWithoutUV checks an index without uv, with a Python that has
// pip.
func TestBootstrapIndexWithoutUV(t *testing.T) {
	t.Parallel()
	ix := uvtest.NewIndex(t, t.TempDir())
	var log bytes.Buffer
	root := envdir.Root(t.TempDir())
	_, err := Find(t.Context(), Config{Root: root, Log: &log, Env: execx.Environ{
		"PATH=" + pythonAlone(t), "HOME=" + t.TempDir(), "PIP_INDEX_URL=" + ix.URL(), "PIP_RETRIES=0", "PIP_CONFIG_FILE=" + os.DevNull,
	}})
	require.Equal(t, fault.NoUV, fault.CodeOf(err))
	require.ErrorContains(t, err, fmt.Sprintf("No matching distribution found for uv==%s", pinned))
	left, err := os.ReadDir(root.Tools().Dir())
	require.NoError(t, err)
	require.Empty(t, left, "no partial uv stays")
}

// TestPublish checks that an empty uv, as a power cut leaves it, is replaced.
func TestPublish(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the uv of these cases is a shell script")
	}
	for name, c := range map[string]struct{ there, want string }{
		"nothing is there":                   {"-", "new"},
		"what is there does not start":       {"", "new"},
		"another process was quicker":        {"#!/bin/sh\necho uv other\n", "other"},
		"what is there starts and is not uv": {"#!/bin/sh\necho universe\n", "new"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := Config{Root: envdir.Root(t.TempDir())}
			write := func(path, content string) {
				require.NoError(t, execxtest.Write(path, []byte(content)))
			}
			tmp := filepath.Join(cfg.Root.Tools().Dir(), ".new-1")
			write(filepath.Join(tmp, "uv", "bin", binary), "#!/bin/sh\necho uv new\n")
			if c.there != "-" {
				write(installed(cfg), c.there)
			}
			require.NoError(t, publish(t.Context(), cfg, tmp))
			version, err := versionOf(t.Context(), installed(cfg), nil)
			require.NoError(t, err)
			require.Equal(t, c.want, version)
		})
	}
}

// TestBootstrap installs the real uv from the real index.
func TestBootstrap(t *testing.T) {
	t.Parallel()
	if os.Getenv("TEST_E2E") == "" {
		t.Skip("needs the network: TEST_E2E=1")
	}
	cfg := Config{Root: envdir.Root(t.TempDir()), Env: execx.NewEnviron(execxtest.Online()).With("PATH", pythonAlone(t))}
	u, err := Find(t.Context(), cfg)
	require.NoError(t, err)
	require.Equal(t, pinned, u.Version)
	u, err = Find(t.Context(), cfg)
	require.NoError(t, err)
	require.Equal(t, "in the root", u.Source)
}
