package health_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/execx/execxtest"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/profile"
)

const key = "torch-cu121-transformers"

// basePython returns a real interpreter, which reports its own path: the
// python3 on PATH may be a shim script.
func basePython(t testing.TB) (path, minor string) {
	t.Helper()
	found := os.Getenv("TEST_PYTHON") // under Wine PATH has no python3
	if found == "" {
		var err error
		if found, err = exec.LookPath("python3"); err != nil {
			execxtest.Missing(t, "python3 is not installed")
		}
	}
	out, err := exec.Command(found, "-c", "import sys; print(sys.executable); print('%d.%d' % sys.version_info[:2])").Output()
	require.NoError(t, err)
	lines := strings.Fields(string(out))
	return lines[0], lines[1]
}

// env is a real venv with fake packages, sealed or old.
type env struct {
	health.Subject
	packages string
	root     envdir.Root
}

func newEnv(t testing.TB, kind envdir.Kind) env {
	t.Helper()
	python, minor := basePython(t)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	root := envdir.Root(dir)
	d := root.Shared(key)
	if kind == envdir.Old {
		d = root.Old("org__model")
	}
	out, err := exec.Command(python, "-m", "venv", "--without-pip", d.Venv()).CombinedOutput()
	require.NoError(t, err, "%s", out)
	e := env{
		Subject: health.Subject{
			Dir: d, Accel: "cu121",
			Imports: imports(),
		},
		packages: d.SitePackages(minor), root: root,
	}
	e.install(t, "torch", "2.5.1+cu121", map[string]string{
		"torch/__init__.py": fakeTorch,
		"torch/version.py":  "from typing import Optional\n__version__ = '2.5.1+cu121'\ncuda: Optional[str] = '12.1'\nhip: Optional[str] = None\n",
		lib("torch_cpu"):    "cpu", lib("torch_cuda"): "cuda", lib("c10"): "c10",
	})
	e.install(t, "transformers", "4.57.3", map[string]string{
		"transformers/__init__.py":       "__version__ = '4.57.3'\n",
		"transformers/modeling_utils.py": "import torch\n",
		"transformers/utils.py":          "def is_torch_available():\n    import os\n    return not os.environ.get('FAKE_REFUSED')\n",
	})
	return e
}

func imports() []profile.Import {
	return []profile.Import{{Module: "torch", Dist: "torch"}, {Module: "transformers", Dist: "transformers"}}
}

// install writes what an installer writes: the files, then the dist-info.
func (e env) install(t testing.TB, name, version string, files map[string]string) {
	t.Helper()
	info := strings.ReplaceAll(name, "-", "_") + "-" + version + ".dist-info"
	record := ""
	all := map[string]string{info + "/METADATA": "Name: " + name + "\nVersion: " + version + "\n", info + "/INSTALLER": "uv"}
	for path, content := range files {
		all[path] = content
	}
	for path, content := range all {
		write(t, filepath.Join(e.packages, path), content)
		sum := sha256.Sum256([]byte(content))
		record += fmt.Sprintf("%q,sha256=%s,%d\n", path, base64.RawURLEncoding.EncodeToString(sum[:]), len(content))
	}
	record += info + "/RECORD,,\n" + info + "/__pycache__/gone.cpython-311.pyc,,\n"
	write(t, filepath.Join(e.packages, info, "RECORD"), record)
}

func (e env) seal(t testing.TB) env {
	t.Helper()
	seal, err := health.NewSeal(e.Dir, health.Seal{Plan: "abc", Durable: true, Imports: e.Imports})
	require.NoError(t, err)
	write(t, e.Dir.Ready(), string(seal.JSON()))
	return e
}

// lib returns the path of one of torch's libraries in its wheel for this
// system.
func lib(name string) string {
	switch runtime.GOOS {
	case "windows":
		return "torch/lib/" + name + ".dll"
	case "darwin":
		return "torch/lib/lib" + name + ".dylib"
	}
	return "torch/lib/lib" + name + ".so"
}

func (e env) path(rel string) string { return filepath.Join(e.packages, rel) }

func write(t testing.TB, path, content string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
}

// fakeTorch is controlled by the environment, as the real torch is by the
// machine.
const fakeTorch = `
import os, sys, time
from . import version
__version__ = version.__version__
if os.environ.get("FAKE_LOG"):
    with open(os.environ["FAKE_LOG"], "a") as f:
        f.write("import\n")
exec(os.environ.get("FAKE_DO", ""))

class _Prop:
    def __init__(self, name, cc):
        self.name = name
        self.major, self.minor = [int(x) for x in cc.split(".")]

class cuda:
    is_available = staticmethod(lambda: os.environ.get("FAKE_CUDA", "1") == "1")
    get_arch_list = staticmethod(lambda: os.environ.get("FAKE_ARCHS", "sm_50 sm_80 sm_86 sm_90").split())
    device_count = staticmethod(lambda: 1)
    @staticmethod
    def get_device_properties(i):
        name, _, cc = os.environ.get("FAKE_GPU", "NVIDIA GeForce RTX 3090=8.6").partition("=")
        return _Prop(name, cc)
    @staticmethod
    def init():
        raise RuntimeError(os.environ.get("FAKE_INIT", "No CUDA GPUs are available"))

class _T(list):
    def __mul__(self, n):
        return _T(x * n for x in self)
    def sum(self):
        class S:
            item = staticmethod(lambda: sum(self))
        return S

def ones(n, device):
    if os.environ.get("FAKE_KERNEL"):
        raise RuntimeError(os.environ["FAKE_KERNEL"])
    return _T([1.0] * n)
`

// memory is a Cache as several processes see it: one lock, one file per name.
type memory struct {
	mu     sync.Mutex
	files  map[string][]byte
	held   sync.Mutex
	writes int
	broken error
}

func (m *memory) Read(name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.files[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return data, nil
}

func (m *memory) Write(name string, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken != nil {
		return m.broken
	}
	if m.files == nil {
		m.files = map[string][]byte{}
	}
	m.files[name] = data
	m.writes++
	return nil
}

func (m *memory) Lock(ctx context.Context, _ string) (func(), error) {
	if m.broken != nil {
		return nil, m.broken
	}
	got := make(chan struct{})
	go func() { m.held.Lock(); close(got) }()
	select {
	case <-got:
		return m.held.Unlock, nil
	case <-ctx.Done():
		go func() { <-got; m.held.Unlock() }()
		return nil, ctx.Err()
	}
}

// checker returns a Checker and a function that counts its probes: the fake
// torch appends a line to a file at each import.
func checker(t testing.TB, vars ...string) (c *health.Checker, probes func() int) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "probes")
	c = &health.Checker{
		State: &memory{}, BootID: func() string { return "boot-1" },
		Env: execx.NewEnviron(append([]string{"PATH=/usr/bin:/bin", "FAKE_LOG=" + log}, vars...)),
	}
	return c, func() int {
		data, err := os.ReadFile(log)
		if !errors.Is(err, fs.ErrNotExist) {
			require.NoError(t, err)
		}
		return strings.Count(string(data), "import")
	}
}
