//go:build unix

package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx/execxtest"
	"github.com/modelrun/modelrun/resolve/uv/uvtest"
)

// inDirt holds the scenarios that run in a dirty environment: those that depend on
// PATH, settings, Python, uv and old environments.
var inDirt = []string{
	"choose_old_env", "cli_usage", "config_origins", "create_own_env", "doctor", "health_user_files", "launch_commands", "launch_pythonpath", "model_hub",
	"profile_list", "root_bad", "security_names",
}

// TestDirtyEnvironment runs scenarios in the environment of a developer who has an
// active venv, conda, another uv and another modelrun on PATH, the variables of all
// of them, a pip.conf, a uv.toml and a modelrun configuration. None of these may
// affect a test.
func TestDirtyEnvironment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := func(path ...string) string { return filepath.Join(append([]string{dir}, path...)...) }
	venv := in("venv")
	c := exec.CommandContext(t.Context(), uvtest.Path(t), "venv", "-q", "--no-project", venv)
	c.Env = append(os.Environ(), "UV_CACHE_DIR="+in("cache"), "UV_PYTHON_DOWNLOADS=never")
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoError(t, os.Symlink(uvtest.Path(t), filepath.Join(venv, "bin", "uv"))) // a working uv that is not ours
	const wrong = "#!/bin/sh\necho 'found by chance' >&2\nexit 1\n"
	for _, program := range []string{"venv/bin/pip", "conda/bin/uv", "conda/bin/python3", "conda/bin/python", "bin/uv", "bin/uvx", "bin/modelrun", "bin/nvidia-smi"} {
		require.NoError(t, execxtest.Write(in(program), []byte(wrong)))
	}
	for path, text := range map[string]string{
		"conda/conda-meta/history":          "",
		"home/.config/pip/pip.conf":         "[global]\nindex-url = http://127.0.0.1:1/simple\nrequire-virtualenv = true\n[install]\nuser = true\n",
		"home/.config/uv/uv.toml":           "offline = true\ncache-dir = \"/nowhere\"\n[[index]]\nurl = \"http://127.0.0.1:1/simple\"\ndefault = true\n",
		"home/.config/modelrun/config.toml": "root = \"/nowhere\"\nfamily = \"vllm\"\noffline = true\n",
		"home/.zshrc":                       "exit 1\n",
		"python/sitecustomize.py":           "raise SystemExit('found by chance')\n",
		"python/torch.py":                   "raise ImportError('found by chance')\n",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(in(path)), 0o755))
		require.NoError(t, os.WriteFile(in(path), []byte(text), 0o600))
	}
	self, err := os.Executable()
	require.NoError(t, err)
	c = exec.CommandContext(t.Context(), self, "-test.v", "-test.run", "^TestIsolated$|^TestScenario$/^("+strings.Join(inDirt, "|")+")$")
	c.Env = slices.Concat(os.Environ(), []string{
		"TEST_MODELRUN=" + filepath.Dir(built), "HOME=" + in("home"), "XDG_CONFIG_HOME=" + in("home/.config"), "XDG_DATA_HOME=/nowhere", "XDG_CACHE_HOME=/nowhere",
		"PATH=" + strings.Join([]string{in("venv/bin"), in("conda/bin"), in("bin"), ".", "", os.Getenv("PATH")}, ":"),
		"VIRTUAL_ENV=" + venv, "VIRTUAL_ENV_PROMPT=x", "CONDA_PREFIX=" + in("conda"), "CONDA_DEFAULT_ENV=base", "CONDA_PYTHON_EXE=" + in("conda/bin/python"), "CONDA_SHLVL=1",
		"UV_INDEX=http://127.0.0.1:1/simple", "UV_DEFAULT_INDEX=http://127.0.0.1:1/simple", "UV_OFFLINE=1", "UV_NO_CACHE=1", "UV_CACHE_DIR=/nowhere", "UV_PYTHON=3.99",
		"UV_PROJECT_ENVIRONMENT=/nowhere", "UV_CONFIG_FILE=/nowhere", "UV_SYSTEM_PYTHON=1", "UV_LINK_MODE=symlink", "UV_EXCLUDE_NEWER=2001-01-01",
		"PIP_INDEX_URL=http://127.0.0.1:1/simple", "PIP_NO_INDEX=1", "PIP_REQUIRE_VIRTUALENV=1", "PIP_TARGET=/nowhere", "PIP_USER=1", "PIP_CONFIG_FILE=/nowhere",
		"PYTHONPATH=" + in("python"), "PYTHONHOME=/nowhere", "PYTHONWARNINGS=error", "PYTHONSTARTUP=/nowhere", "PYTHONUSERBASE=/nowhere", "PYTHONOPTIMIZE=2", "PYTHONDONTWRITEBYTECODE=1",
		"MODELRUN_ROOT=/nowhere", "MODELRUN_ENV=no-such-key", "MODELRUN_MODEL=/nowhere", "MODELRUN_FAMILY=vllm", "MODELRUN_UV=/nowhere", "MODELRUN_OFFLINE=1",
		"MODELRUN_REQUIRE_GPU=1", "MODELRUN_LOG_LEVEL=trace", "MODELRUN_ACTIVE_KEY=x", "MODELRUN_NO_SUCH_SETTING=1",
		"LANG=tr_TR.UTF-8", "LC_ALL=C", "FORCE_COLOR=1", "COLUMNS=20", "HF_HOME=/nowhere", "CUDA_VISIBLE_DEVICES=7", "LD_LIBRARY_PATH=/nowhere", "NOTIFY_SOCKET=/nowhere",
	})
	out, err = c.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS: TestIsolated ")
	for _, name := range inDirt {
		require.Contains(t, string(out), "--- PASS: TestScenario/"+name+" ")
	}
}

// TestIsolated checks the environment that Isolate made.
func TestIsolated(t *testing.T) {
	t.Parallel()
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		require.NotRegexp(t, `^(UV|PIP|PYTHON|CONDA|MODELRUN|VIRTUAL|XDG|HF|CUDA|LC|LD|NOTIFY)_?`, strings.TrimPrefix(name, "UV_NO_CONFIG"))
	}
	home, err := os.UserHomeDir()
	require.NoError(t, err)
	for _, path := range []string{".zshrc", ".config/pip", ".config/uv", ".config/modelrun"} {
		_, err := os.Lstat(filepath.Join(home, path))
		require.ErrorIs(t, err, fs.ErrNotExist)
	}
	for _, program := range []string{"uv", "uvx", "modelrun"} {
		_, err := exec.LookPath(program)
		require.ErrorIs(t, err, exec.ErrNotFound, program)
	}
	python, err := exec.LookPath("python3")
	require.NoError(t, err)
	python, err = filepath.EvalSymlinks(python)
	require.NoError(t, err)
	out, err := exec.CommandContext(t.Context(), "python3", "-c", "import os, sys; print(os.path.realpath(sys.executable), sys.prefix == sys.base_prefix)").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, python+" True\n", string(out), "an interpreter, no venv's and no script that finds one")
}
