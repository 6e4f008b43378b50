package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/uv/uvtest"
)

// built is the binary that every test drives: TestMain builds it once, or takes
// it from $TEST_MODELRUN where there is no Go (under Wine, see .ci/wine).
// Beside it on Windows is modelrunw.exe.
var built string

// scratch is a folder that TestMain removes.
var scratch string

func TestMain(m *testing.M) {
	if acted() {
		return
	}
	var err error
	if scratch, err = os.MkdirTemp("", "modelrun-test-"); err != nil {
		panic(err)
	}
	dir := os.Getenv("TEST_MODELRUN")
	if dir == "" {
		dir = filepath.Join(scratch, "bin")
		build(filepath.Join(dir, "modelrun"+exe))
		if runtime.GOOS == "windows" {
			build(filepath.Join(dir, "modelrunw.exe"), "-ldflags=-H=windowsgui")
		}
	}
	built = filepath.Join(dir, "modelrun"+exe)
	code := m.Run()
	_ = os.RemoveAll(scratch) // nothing depends on it any more
	os.Exit(code)
}

func build(file string, flags ...string) {
	args := append([]string{"build", "-o", file}, flags...)
	if raceEnabled {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, ".")...).CombinedOutput(); err != nil {
		panic(fmt.Sprintf("go build: %v\n%s", err, out))
	}
}

// lab is what all scenarios share: uv, and an index of small wheels.
type lab struct {
	uv     string
	origin string // the app's own profiles
	index_ string // file:// of a PEP 503 index
	links  string // the folder of the wheels
}

func newLab(t *testing.T) *lab {
	t.Helper()
	dir := t.TempDir()
	ix := uvtest.NewIndex(t, dir)
	for _, w := range wheels(t) {
		ix.Add(w)
	}
	ix.AddSource(uvtest.Wheel{Name: "from-source", Version: "1.0", Files: map[string]string{"from_source.py": ""}})
	return &lab{uv: uvtest.Path(t), origin: originDir(t), index_: ix.URL(), links: ix.Dir()}
}

// setup gives every script a home, a root, no GPU and no network.
func (l *lab) setup(env *testscript.Env) error {
	work := env.WorkDir
	for _, dir := range []string{"home", "hardware"} {
		if err := os.MkdirAll(filepath.Join(work, dir), 0o755); err != nil {
			return err
		}
	}
	env.Setenv("PATH", searchPath())
	for name, value := range home(filepath.Join(work, "home")) {
		env.Setenv(name, value)
	}
	env.Setenv("BIN", filepath.Dir(built))
	env.Setenv("LANG", "C.UTF-8")
	env.Setenv("MODELRUN_ROOT", filepath.Join(work, "root"))
	env.Setenv("MODELRUN_UV", l.uv)
	env.Setenv("MODELRUN_INDEX_DEFAULT", l.index_)
	env.Setenv("MODELRUN_INDEX_TORCH", l.index_)
	env.Setenv("MODELRUN_HARDWARE_ROOT", filepath.Join(work, "hardware"))
	env.Setenv("UV_PYTHON_DOWNLOADS", "never")
	env.Setenv("EXE", exe)
	env.Setenv("SCRIPTS", filepath.Base(envdir.Dir{}.Scripts()))
	env.Setenv("ORIGIN", l.origin)
	env.Setenv("LINKS", l.links)
	return nil
}

// searchPath is PATH with the binary and, where it is named, the python.
func searchPath() string {
	dirs := []string{filepath.Dir(built)}
	if python := os.Getenv("TEST_PYTHON"); python != "" {
		dirs = append(dirs, filepath.Dir(python))
	}
	return strings.Join(append(dirs, os.Getenv("PATH")), string(filepath.ListSeparator))
}

// fakeTorch is as much of torch as a probe looks at. Its GPU is told by the
// environment, because no test machine has one.
const fakeTorch = `
import os
from .version import __version__, cuda as _cuda
if os.environ.get("FAKE_ALLOC"): _hoard = [b"x" * (64 << 20) for _ in range(int(os.environ["FAKE_ALLOC"]) << 4)]
class version: cuda = _cuda
class _Tensor:
    def __mul__(self, other): return self
    def sum(self): return self
    def item(self): return 16
def ones(*a, **k):
    if os.environ.get("FAKE_GPU_BUSY") and k.get("device") != "cpu": raise RuntimeError("CUDA error: out of memory")
    return _Tensor()
class _Properties:
    name = "NVIDIA GeForce RTX 5090" if os.environ.get("FAKE_CC") else "Fake GPU"
    major, minor = map(int, (os.environ.get("FAKE_CC") or "8.6").split("."))
    total_memory = 24 << 30
    gcnArchName = ""
class cuda:
    @staticmethod
    def is_available(): return bool(_cuda) and not os.environ.get("FAKE_NO_DRIVER") and not os.environ.get("FAKE_OLD_DRIVER")
    @staticmethod
    def init():
        if os.environ.get("FAKE_OLD_DRIVER"): raise RuntimeError("The NVIDIA driver on your system is too old (found version 11040).")
        if os.environ.get("FAKE_GPU_BUSY"): raise RuntimeError("CUDA error: out of memory")
        if os.environ.get("FAKE_NO_DRIVER"): raise RuntimeError("Found no NVIDIA driver on your system.")
    @staticmethod
    def device_count(): return 1 if _cuda else 0
    @staticmethod
    def get_arch_list(): return ["sm_80", "sm_86", "sm_90"]
    @staticmethod
    def get_device_properties(i=0): return _Properties
    @staticmethod
    def synchronize(): pass
    class OutOfMemoryError(RuntimeError): pass
`

// wheels are small stand-ins with the names and versions that the embedded
// profiles and the app's own ask for.
func wheels(t testing.TB) []uvtest.Wheel {
	t.Helper()
	all := profile.Embedded()
	files, err := filepath.Glob(filepath.Join(originDir(t), "*.json"))
	require.NoError(t, err)
	require.Len(t, files, 5)
	for _, file := range files {
		p, err := profile.Load(file)
		require.NoError(t, err)
		all = append(all, p)
	}
	versions := map[string]map[string]bool{}
	add := func(name, version string) {
		if versions[name] == nil {
			versions[name] = map[string]bool{}
		}
		versions[name][version] = true
	}
	for _, p := range all {
		pins := p.Pins
		for _, o := range p.Families {
			pins = append(pins, o.Pins...)
		}
		for _, pin := range pins {
			add(pin.Name, pin.Version)
		}
	}
	for _, f := range profile.Families() {
		for _, accel := range []string{"cpu", "cu121"} {
			for _, requirement := range f.For(accel).Packages {
				if n := profile.Normal(requirement); len(versions[n]) == 0 && n != "pip" {
					add(n, "1.0.0")
				}
			}
		}
	}
	add("huggingface-hub", "0.36.2")
	add("bitsandbytes", "0.49.2")
	add("extra-thing", "1.0")
	out := []uvtest.Wheel{{Name: "odd-record", Version: "1.0", Files: map[string]string{"odd_record.py": "x = 1\n"}, Odd: "odd_record.py"}}
	for name, set := range versions {
		for v := range set {
			out = append(out, stand(name, v))
		}
	}
	return out
}

// originDir holds the app's own profiles.
func originDir(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs("../../resolve/profile/testdata")
	require.NoError(t, err)
	return dir
}

// stand is one small wheel.
func stand(name, version string) uvtest.Wheel {
	module := strings.ReplaceAll(name, "-", "_")
	w := uvtest.Wheel{Name: name, Version: version, Files: map[string]string{
		module + "/__init__.py": fmt.Sprintf("__version__ = %q\n", version),
	}}
	switch name {
	case "torch":
		cuda := "None"
		if _, tag, ok := strings.Cut(version, "+cu"); ok {
			cuda = fmt.Sprintf("%q", tag[:2]+"."+tag[2:])
		}
		w.Files["torch/__init__.py"] = fakeTorch
		w.Files["torch/version.py"] = fmt.Sprintf("__version__ = %q\ncuda = %s\nhip = None\n", version, cuda)
	case "transformers":
		w.Requires = []string{"huggingface-hub>=0.34.0,<1.0", "tokenizers"}
		w.Scripts = map[string]string{"tiny-script": "transformers.cli:main"}
		w.Files["transformers/cli.py"] = "def main():\n    print('tiny runs')\n"
		w.Files["transformers/modeling_utils.py"] = ""
		w.Files["transformers/models/llama/__init__.py"] = ""
		w.Files["transformers/models/auto/configuration_auto.py"] = "CONFIG_MAPPING_NAMES = {'llama': 'LlamaConfig', 'openai-gpt': 'OpenAIGPTConfig', 'qwen2': 'Qwen2Config'}\n"
		w.Files["transformers/utils/__init__.py"] = "def is_torch_available(): return True\n"
	case "extra-thing":
		w.Files["tiny_module.py"] = ""
	case "llama-cpp-python":
		w.Files["llama_cpp/__init__.py"] = ""
	case "onnxruntime":
		w.Files["onnxruntime/__init__.py"] = "def get_available_providers(): return ['CPUExecutionProvider']\n"
	}
	return w
}

// venv DIR PKG…: a real venv with small packages, as the app would have made it.
func (l *lab) venv(ts *testscript.TestScript, neg bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	venv := filepath.Join(dir, ".venv")
	uv := func(args ...string) {
		cmd := exec.Command(l.uv, args...)
		cmd.Env = append(os.Environ(), "PATH="+ts.Getenv("PATH"), "UV_CACHE_DIR="+ts.MkAbs(".uv-cache"), "UV_PYTHON_DOWNLOADS=never")
		if out, err := cmd.CombinedOutput(); err != nil {
			ts.Fatalf("uv %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	uv("venv", "-q", "--no-project", venv)
	if len(args) > 1 {
		uv(append([]string{"pip", "install", "-q", "--no-deps", "--no-index", "--find-links", l.links, "--python", venv}, args[1:]...)...)
	}
}

// oldID VAR MODEL: the id of the model's old env, into a variable.
func oldID(ts *testscript.TestScript, neg bool, args []string) {
	path, err := filepath.EvalSymlinks(ts.MkAbs(args[1]))
	ts.Check(err)
	ts.Setenv(args[0], string(envdir.LocalID(path)))
}

type volatileWord struct {
	pattern *regexp.Regexp
	word    string
}

// volatile is what differs between two runs of the same scenario.
func volatile() []volatileWord {
	return []volatileWord{
		{regexp.MustCompile(`"pid": \d+`), `"pid": 1`},
		{regexp.MustCompile(`"micros": \d+`), `"micros": 0`},
		{regexp.MustCompile(`"(size|size_alone|total|cache)": \d+`), `"$1": 0`},
		{regexp.MustCompile(`"created": "[^"]*"`), `"created": "TIME"`},
		{regexp.MustCompile(`"(python|uv)": "[0-9.]+"`), `"$1": "VERSION"`},
		{regexp.MustCompile(`"last_used": "[^"]*"`), `"last_used": "DAY"`},
		{regexp.MustCompile(`local_[0-9a-f]{12}`), `local_ID`},
		{regexp.MustCompile(`local_ID-[0-9a-f]{8}`), `local_ID-01234567`},
		{regexp.MustCompile(`"bytes": \d+`), `"bytes": 0`},
		{regexp.MustCompile(`\d+ unpacked wheels`), `N unpacked wheels`},
		{regexp.MustCompile(`onnx-cpu-[0-9a-f]{8}`), `onnx-cpu-01234567`},
		{regexp.MustCompile(`[a-z]+ [a-z0-9]+ ?[a-z]*; modelrun [^;]+; (.* name) [0-9a-f]{12}`), `SYSTEM; $1 MACHINE`},
		{regexp.MustCompile(`\.state/[0-9a-f]{12}`), `.state/MACHINE`},
		{regexp.MustCompile(`[^" ]+ [0-9.]+ \(MODELRUN_UV\)`), `UV`},
		{regexp.MustCompile(`[^" ]+(, for [a-z-]+")`), `PYTHON$1`},
		{regexp.MustCompile(`("id": "disk",\s+"state": )"[a-z]+"(,\s+"text": )"[^"]*"(,\s+"remedy": )"[^"]*"`), `$1"ok"$2"SPACE"$3""`},
		{regexp.MustCompile(`has \d+ characters, the root \d+`), `has 0 characters, the root 0`},
		{regexp.MustCompile(`, owner [^" ]+`), `, owner ME`},
	}
}
