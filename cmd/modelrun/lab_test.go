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
	"github.com/modelrun/modelrun/resolve/uv/uvtest"
)

// built is the binary that every test drives: TestMain builds it once.
var built string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "modelrun-test-")
	if err != nil {
		panic(err)
	}
	built = filepath.Join(dir, "bin", "modelrun")
	args := []string{"build", "-o", built}
	if raceEnabled {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, ".")...).CombinedOutput(); err != nil {
		panic(fmt.Sprintf("go build: %v\n%s", err, out))
	}
	code := m.Run()
	_ = os.RemoveAll(dir) // nothing depends on it any more
	os.Exit(code)
}

// lab is what all scenarios share: uv, and an index of small wheels.
type lab struct {
	uv     string
	index_ string // file:// of a PEP 503 index
	links  string // the folder of the wheels
}

func newLab(t *testing.T) *lab {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("launching on Windows is tested elsewhere")
	}
	dir := t.TempDir()
	ix := uvtest.NewIndex(t, dir)
	for _, w := range wheels() {
		ix.Add(w)
	}
	return &lab{uv: uvtest.Path(t), index_: ix.URL(), links: ix.Dir()}
}

// setup gives every script a home, a root, no GPU and no network.
func (l *lab) setup(env *testscript.Env) error {
	work := env.WorkDir
	for _, dir := range []string{"home", "hardware"} {
		if err := os.MkdirAll(filepath.Join(work, dir), 0o755); err != nil {
			return err
		}
	}
	env.Setenv("HOME", filepath.Join(work, "home"))
	env.Setenv("PATH", filepath.Dir(built)+string(filepath.ListSeparator)+os.Getenv("PATH"))
	env.Setenv("LANG", "C.UTF-8")
	env.Setenv("MODELRUN_ROOT", filepath.Join(work, "root"))
	env.Setenv("MODELRUN_UV", l.uv)
	env.Setenv("MODELRUN_INDEX_DEFAULT", l.index_)
	env.Setenv("MODELRUN_INDEX_TORCH", l.index_)
	env.Setenv("MODELRUN_HARDWARE_ROOT", filepath.Join(work, "hardware"))
	env.Setenv("UV_PYTHON_DOWNLOADS", "never")
	return nil
}

// fakeTorch is as much of torch as a probe looks at. Its GPU is told by the
// environment, because no test machine has one.
const fakeTorch = `
import os
from .version import __version__, cuda as _cuda
class version: cuda = _cuda
class _Tensor:
    def __mul__(self, other): return self
    def sum(self): return self
    def item(self): return 16
def ones(*a, **k): return _Tensor()
class cuda:
    @staticmethod
    def is_available():
        if os.environ.get("FAKE_GPU_BUSY"): raise RuntimeError("CUDA error: out of memory")
        return bool(_cuda)
    @staticmethod
    def device_count(): return 1 if _cuda else 0
    @staticmethod
    def get_arch_list(): return ["sm_80", "sm_86", "sm_90"]
    @staticmethod
    def get_device_capability(i=0): return tuple(map(int, os.environ.get("FAKE_CC", "8.6").split(".")))
    @staticmethod
    def get_device_name(i=0): return "Fake GPU"
    @staticmethod
    def synchronize(): pass
    class OutOfMemoryError(RuntimeError): pass
`

// wheels are small stand-ins with the names and versions that the embedded
// profiles ask for.
func wheels() []uvtest.Wheel {
	simple := func(name string, versions ...string) (ws []uvtest.Wheel) {
		module := strings.ReplaceAll(name, "-", "_")
		for _, v := range versions {
			ws = append(ws, uvtest.Wheel{Name: name, Version: v, Files: map[string]string{
				module + "/__init__.py": fmt.Sprintf("__version__ = %q\n", v),
			}})
		}
		return ws
	}
	var all []uvtest.Wheel
	for _, v := range torchVersions() {
		local, cuda := "", "None"
		if _, tag, ok := strings.Cut(v, "+cu"); ok {
			local, cuda = "+cu"+tag, fmt.Sprintf("%q", tag[:2]+"."+tag[2:])
		}
		_ = local
		all = append(all, uvtest.Wheel{Name: "torch", Version: v, Files: map[string]string{
			"torch/__init__.py": fakeTorch,
			"torch/version.py":  fmt.Sprintf("__version__ = %q\ncuda = %s\n", v, cuda),
		}})
	}
	transformers := simple("transformers", "4.57.3", "4.57.6", "5.23.0")
	for i := range transformers {
		transformers[i].Requires = []string{"huggingface-hub>=0.34", "tokenizers"}
		transformers[i].Scripts = map[string]string{"tiny-script": "transformers.cli:main"}
		transformers[i].Files["transformers/cli.py"] = "def main():\n    print('tiny runs')\n"
		transformers[i].Files["transformers/modeling_utils.py"] = ""
		transformers[i].Files["transformers/utils/__init__.py"] = "def is_torch_available(): return True\n"
	}
	all = append(all, transformers...)
	for name, versions := range map[string][]string{
		"huggingface-hub": {"0.27.1", "0.36.2", "1.0.0"}, "tokenizers": {"0.22.0", "0.23.3"}, "peft": {"0.13.2", "0.21.2"},
		"accelerate": {"1.2.1", "1.15.0"}, "safetensors": {"0.7.0", "0.8.0"}, "numpy": {"1.26.4", "2.5.5"}, "fastapi": {"0.165.0"},
		"uvicorn": {"0.54.0"}, "pydantic": {"2.14.3"}, "bitsandbytes": {"0.44.1", "0.49.0"}, "sentencepiece": {"0.2.0", "0.2.1"},
		"protobuf": {"6.33.0"}, "onnxruntime": {"1.26.0"}, "pip": {"26.3"}, "psutil": {"7.2.2"}, "extra-thing": {"1.0"},
	} {
		all = append(all, simple(name, versions...)...)
	}
	return all
}

// venv DIR PKG…: a real venv with small packages, as the app would have made it.
func (l *lab) venv(ts *testscript.TestScript, neg bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	venv := filepath.Join(dir, ".venv")
	run := func(args ...string) {
		cmd := exec.Command(l.uv, args...)
		cmd.Env = append(os.Environ(), "UV_CACHE_DIR="+ts.MkAbs(".uv-cache"), "UV_PYTHON_DOWNLOADS=never")
		if out, err := cmd.CombinedOutput(); err != nil {
			ts.Fatalf("uv %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	run("venv", "-q", "--no-project", venv)
	if len(args) > 1 {
		run(append([]string{"pip", "install", "-q", "--no-deps", "--no-index", "--find-links", l.links, "--python", filepath.Join(venv, "bin", "python")}, args[1:]...)...)
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
		{regexp.MustCompile(`"size": \d+`), `"size": 0`},
		{regexp.MustCompile(`"last_used": "[^"]*"`), `"last_used": "DAY"`},
		{regexp.MustCompile(`local_[0-9a-f]{12}`), `local_ID`},
	}
}

