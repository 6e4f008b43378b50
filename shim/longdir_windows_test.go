package shim

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx/execxtest"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/shim/cli"
)

// TestMain makes the test binary act as modelrun.exe too, with another limit for
// folders.
func TestMain(m *testing.M) {
	limit, err := strconv.Atoi(os.Getenv("SHIM_MAX_DIR"))
	if err != nil {
		execxtest.Main(m)
	}
	os.Exit(Main(cli.Invocation{Args: os.Args[1:], Environ: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, MaxDir: limit}))
}

// tell is a program that writes down its working directory.
const tell = `
import os, sys
with open("told", "w", encoding="utf-8", newline="\n") as f:
    print(os.getcwd(), os.environ["MODELRUN_ACTIVE_CWD"], sys.executable, sys.argv[1:], sep="\n", file=f)
sys.exit(7)
`

// TestLongWorkingDirectory checks that a program starts in and from a folder that
// CreateProcess would refuse. The test lowers the limit, because Wine crashes near
// the real one.
func TestLongWorkingDirectory(t *testing.T) {
	python := os.Getenv("TEST_PYTHON")
	if python == "" {
		execxtest.Missing(t, "TEST_PYTHON names no python.exe")
	}
	home, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	root := envdir.Root(filepath.Join(home, "root"))
	env := root.Shared("mine")
	out, err := exec.Command(python, "-m", "venv", "--without-pip", env.Venv()).CombinedOutput()
	require.NoError(t, err, string(out))
	write(t, filepath.Join(home, "modelrun", "config.toml"), "[envs.mine]\npackages = [\"x\"]\nimports = [\"x\"]\n")
	packages := filepath.Join(env.Venv(), "Lib", "site-packages")
	write(t, filepath.Join(packages, "x.py"), "")
	write(t, filepath.Join(packages, "x-1.dist-info", "METADATA"), "Metadata-Version: 2.1\nName: x\nVersion: 1\n")
	write(t, filepath.Join(packages, "x-1.dist-info", "INSTALLER"), "test\n")
	dir := filepath.Join(home, "a working directory with a long name", "in it a möre than long one")
	write(t, filepath.Join(dir, "tell.py"), tell)
	require.NoError(t, os.MkdirAll(dir, 0o755))
	launch := func(limit int, from string, options ...string) (code int, told []string, said string) {
		t.Helper()
		require.NoError(t, os.RemoveAll(filepath.Join(dir, "told")))
		self, err := os.Executable()
		require.NoError(t, err)
		c := exec.Command(self, append(options, "--root", string(root), "--env", "mine", "--no-create", "--", "python", "tell.py", "ü x")...)
		c.Dir = from
		c.Env = append(os.Environ(), "SHIM_MAX_DIR="+strconv.Itoa(limit), "LOCALAPPDATA="+home, "APPDATA="+home, "MODELRUN_UV=",
			"MODELRUN_HARDWARE_ROOT="+home)
		out, _ := c.CombinedOutput()                       // the exit code is checked
		data, _ := os.ReadFile(filepath.Join(dir, "told")) // empty if it did not run
		return c.ProcessState.ExitCode(), strings.Split(string(data), "\n"), string(out)
	}

	code, told, said := launch(0, home, "-C", dir)
	require.Equal(t, 7, code, said)
	require.Equal(t, []string{dir, dir, env.Python(), "['ü x']"}, told[:4], "short enough")

	limit := len(dir) - 10
	code, told, said = launch(limit, home, "-C", dir)
	require.Equal(t, 7, code, said)
	require.NotEqual(t, dir, told[0])
	require.LessOrEqual(t, len(told[0]), limit)
	require.Equal(t, []string{dir, env.Python(), "['ü x']"}, told[1:4], "the program is told the real one")

	code, told, said = launch(limit, dir)
	require.Equal(t, 7, code, said)
	require.LessOrEqual(t, len(told[0]), limit)
	require.Equal(t, dir, told[1], "our own working directory is one")

	require.NoError(t, os.RemoveAll(filepath.Join(root.Envs(), ".locks")))
	code, told, said = launch(10, home, "-C", dir)
	require.Equal(t, 125, code)
	require.Equal(t, []string{""}, told)
	require.Contains(t, said, dir)
	require.Contains(t, said, "modelrun -C DIR")
	require.NoDirExists(t, root.Locks(), "nothing was begun")
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}
