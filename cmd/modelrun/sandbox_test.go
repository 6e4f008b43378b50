package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx/execxtest"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/requirement"
	"github.com/modelrun/modelrun/resolve/uv/uvtest"
)

// The fixtures of this package's tests. A sandbox is a caller with a root.
// Everything that sandboxes share (the programs, the wheels, a root to copy) is
// made once, in scratch.

// built is the binary that most tests run. TestMain builds it once, or takes it
// from $TEST_MODELRUN if there is no Go (under Wine, see .ci/wine). On Windows,
// modelrunw.exe is in the same folder.
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
	execxtest.Isolate(scratch)
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
	_ = os.RemoveAll(scratch) // nothing uses it any more
	os.Exit(code)
}

func build(file string, flags ...string) {
	args := append([]string{"build", "-buildvcs=false", "-o", file}, flags...)
	if raceEnabled {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, ".")...).CombinedOutput(); err != nil {
		panic(fmt.Sprintf("go build: %v\n%s", err, out))
	}
}

// once makes one thing in scratch for all tests that need it. If one test could not
// make it, the others fail too.
type once[T any] struct {
	sync.Mutex
	made bool
	what T
	err  error
}

func (o *once[T]) get(t testing.TB, make func() (T, error)) T {
	t.Helper()
	o.Lock()
	defer o.Unlock()
	if !o.made {
		o.made, o.err = true, errors.New("an earlier test could not make it")
		o.what, o.err = make()
	}
	require.NoError(t, o.err)
	return o.what
}

var (
	releaseOnce once[string]
	indexOnce   once[*uvtest.Index]
	realPipOnce once[*uvtest.Index]
	otherOnce   once[*uvtest.Index]
	datedOnce   once[string]
	sharedOnce  once[*sandbox]
)

// release returns a release build of modelrun.
func release(t testing.TB) string {
	t.Helper()
	if os.Getenv("TEST_MODELRUN") != "" { // that binary is a release build
		return built
	}
	return releaseOnce.get(t, func() (string, error) {
		return buildRelease(t, filepath.Join(scratch, "release", "modelrun"+exe), "."), nil
	})
}

// buildRelease builds a program as .ci/build does, without the race detector. It
// then copies the file, as an installation does: Linux starts a file that the
// linker has mapped 12 to 17 % slower than a file that was written.
func buildRelease(t testing.TB, file, pkg string) string {
	t.Helper()
	flags, err := os.ReadFile("build.flags")
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(flags)), "\n")
	require.Len(t, lines, 2)
	linked := file + ".linked"
	cmd := exec.Command("go", "build", "-buildvcs=false", lines[0], "-ldflags="+lines[1]+"test", "-o", linked, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	program, err := os.ReadFile(linked)
	require.NoError(t, err)
	require.NoError(t, execxtest.Write(file, program))
	return file
}

// smallWheels returns an index with a small wheel for every package that a profile
// requires. Its pip is also small, and does nothing: the real pip takes half of the
// time of creating an environment.
func smallWheels(t testing.TB) *uvtest.Index {
	t.Helper()
	return indexOnce.get(t, func() (*uvtest.Index, error) {
		ix := newIndex(t, filepath.Join(scratch, "index"))
		ix.Add(smallPip())
		return ix, nil
	})
}

// realPip returns the same index without pip. An environment then gets the real
// pip, which comes with python.
func realPip(t testing.TB) *uvtest.Index {
	t.Helper()
	return realPipOnce.get(t, func() (*uvtest.Index, error) { return newIndex(t, filepath.Join(scratch, "index-real-pip")), nil })
}

// otherIndex returns an index of somebody else: it has extra-thing in another
// version, and a package that the usual index lacks.
func otherIndex(t testing.TB) *uvtest.Index {
	t.Helper()
	return otherOnce.get(t, func() (*uvtest.Index, error) {
		ix := uvtest.NewIndex(t, filepath.Join(scratch, "index-other"))
		for _, w := range []uvtest.Wheel{stand("extra-thing", "2.0"), stand("only-there", "1.0")} {
			ix.Add(w)
		}
		return ix, nil
	})
}

func newIndex(t testing.TB, dir string) *uvtest.Index {
	t.Helper()
	ix := uvtest.NewIndex(t, dir)
	for _, w := range wheels(t) {
		ix.Add(w)
	}
	ix.AddSource(uvtest.Wheel{Name: "from-source", Version: "1.0", Files: map[string]string{"from_source.py": ""}})
	ix.AddSource(uvtest.Wheel{Name: "needs-build", Version: "1.0", Files: map[string]string{"needs_build.py": ""}, BuildImports: "extra_thing"})
	return ix
}

// datedIndex starts a server with the small wheels and some more, which gives the
// date of each file, and returns the address of its index.
func datedIndex(t testing.TB) string {
	t.Helper()
	return datedOnce.get(t, func() (string, error) {
		ix := newIndex(t, filepath.Join(scratch, "index-dated"))
		ix.Add(smallPip())
		for _, v := range []string{"1.0", "1.1", "1.2"} {
			ix.Add(stand("cool-thing", v))
		}
		for name, requires := range map[string]string{"needs-new": "cool-thing>=1.2", "needs-source": "from-source"} {
			w := stand(name, "1.0")
			w.Requires = []string{requires}
			ix.Add(w)
		}
		ix.Pages(t, map[string]time.Duration{"cool_thing-1.1": 48 * time.Hour, "cool_thing-1.2": time.Hour, "extra_thing-1.0": uvtest.Undated})
		files := http.FileServer(http.Dir(filepath.Dir(ix.Dir())))
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/simple-json/") {
				w.Header().Set("Content-Type", uvtest.PagesType)
				r.URL.Path = strings.TrimSuffix(r.URL.Path, "/")
			}
			files.ServeHTTP(w, r)
		}))
		return s.URL + "/simple-json", nil // it serves until the tests end
	})
}

func smallPip() uvtest.Wheel {
	return uvtest.Wheel{Name: "pip", Version: "99", Files: map[string]string{"pip/__init__.py": "def main(): print('pip runs')\n"}, Scripts: map[string]string{"pip": "pip:main"}}
}

// onnx is the key that a sandbox's model needs.
const onnx envdir.Key = "onnx-cpu"

// sandbox is a caller of modelrun with its own home, root and model, on a machine
// without a GPU.
type sandbox struct {
	dir   string // the folder that holds everything below
	root  envdir.Root
	model string   // a folder with an ONNX model
	bin   string   // a release build of modelrun
	env   []string // the caller's complete environment; MODELRUN_ROOT is first
}

// sandboxIn makes a sandbox with an empty root below dir. It can create nothing,
// because it has no uv and no index.
func sandboxIn(t testing.TB, dir string) *sandbox {
	t.Helper()
	s := &sandbox{dir: dir, root: envdir.Root(filepath.Join(dir, "root")), model: filepath.Join(dir, "model"), bin: release(t)}
	for _, d := range []string{string(s.root), s.model} {
		require.NoError(t, os.MkdirAll(d, 0o755))
	}
	require.NoError(t, os.WriteFile(filepath.Join(s.model, "model.onnx"), nil, 0o644))
	env, err := callerEnv(dir)
	require.NoError(t, err)
	s.env = env
	return s
}

// callerEnv returns the complete environment of a caller whose root, home and
// hardware are in dir, on a machine without a GPU. MODELRUN_ROOT is first.
func callerEnv(dir string) ([]string, error) {
	person, hardware := filepath.Join(dir, "home"), filepath.Join(dir, "hardware")
	env := []string{
		"MODELRUN_ROOT=" + filepath.Join(dir, "root"), "PATH=" + searchPath(), "LANG=C.UTF-8", "MODELRUN_HARDWARE_ROOT=" + hardware,
		"GORACE=" + os.Getenv("GORACE"), // as set by execxtest.Isolate
	}
	for name, value := range home(person) {
		env = append(env, name+"="+value)
	}
	return env, errors.Join(os.MkdirAll(person, 0o755), os.MkdirAll(hardware, 0o755))
}

// creating returns the variables with which a caller can create envs from the small
// wheels.
func creating(t testing.TB) []string {
	t.Helper()
	index := smallWheels(t).URL()
	return []string{"MODELRUN_UV=" + uvtest.Path(t), "UV_PYTHON_DOWNLOADS=never", "MODELRUN_INDEX_DEFAULT=" + index, "MODELRUN_INDEX_TORCH=" + index}
}

// sharedSandbox returns a sandbox whose root has a healthy env. A start there is
// the usual one, which only starts the program. All tests share the sandbox, so
// none may change it. It can create nothing.
func sharedSandbox(t testing.TB) *sandbox {
	t.Helper()
	return sharedOnce.get(t, func() (*sandbox, error) {
		s := sandboxIn(t, filepath.Join(scratch, "shared"))
		for range 2 { // the second start notes nothing for the first time
			cmd := exec.Command(built, "--", "python", "-c", "pass")
			cmd.Dir, cmd.Env = s.model, append(s.env[:len(s.env):len(s.env)], creating(t)...)
			if out, err := cmd.CombinedOutput(); err != nil {
				return nil, fmt.Errorf("making the env: %w\n%s", err, out)
			}
		}
		return s, nil
	})
}

// madeOnce holds the environments that scripts start with.
var madeOnce = map[envdir.Key]*once[envdir.Root]{onnx: {}, "torch-cpu-transformers": {}, "torch-cpu-transformers5": {}}

// madeRoot returns a root with one healthy env, as "ensure" leaves it, to be
// copied.
func madeRoot(t testing.TB, key envdir.Key) envdir.Root {
	t.Helper()
	o := madeOnce[key]
	require.NotNil(t, o, "no script starts with %s", key)
	return o.get(t, func() (envdir.Root, error) {
		s := sandboxIn(t, filepath.Join(scratch, "made", string(key)))
		cmd := exec.Command(built, "ensure", "-e", string(key)) //nolint:gosec // our own binary
		cmd.Dir, cmd.Env = s.dir, append(s.env, creating(t)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("making the env: %w\n%s", err, out)
		}
		return s.root, nil
	})
}

// python returns the interpreter of the env.
func (s *sandbox) python() string { return s.root.Shared(onnx).Python() }

// cmd returns a modelrun command in the model's folder.
func (s *sandbox) cmd(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	return s.other(t, s.bin, args...)
}

// other returns a command for another program in that folder, such as one that
// starts modelrun.
func (s *sandbox) other(t testing.TB, program string, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), program, args...)
	c.Dir, c.Env = s.model, s.env
	return c
}

// newcomer returns the environment of a caller with another root who can create
// envs.
func (s *sandbox) newcomer(t testing.TB, root string) []string {
	t.Helper()
	return append(append([]string{"MODELRUN_ROOT=" + root}, s.env[1:]...), creating(t)...)
}

// searchPath returns PATH with the binary's folder.
func searchPath() string {
	return filepath.Dir(built) + string(filepath.ListSeparator) + os.Getenv("PATH")
}

// fakeTorch is the part of torch that a probe uses. Variables describe its GPU,
// because no test machine has one.
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
_ccs = (os.environ.get("FAKE_CC") or "8.6").split()
if len(_ccs) > 1 and os.environ.get("CUDA_VISIBLE_DEVICES"): _ccs = [_ccs[int(i)] for i in os.environ["CUDA_VISIBLE_DEVICES"].split(",")]
class _Properties:
    def __init__(self, cc):
        self.name = "NVIDIA GeForce RTX 5090" if os.environ.get("FAKE_CC") else "Fake GPU"
        self.major, self.minor = map(int, cc.split("."))
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
    def device_count(): return len(_ccs) if _cuda else 0
    @staticmethod
    def get_arch_list(): return ["sm_80", "sm_86", "sm_90"]
    @staticmethod
    def get_device_properties(i=0): return _Properties(_ccs[i])
    @staticmethod
    def synchronize(): pass
    class OutOfMemoryError(RuntimeError): pass
`

// What a probe uses of the other libraries. FAKE_USELESS makes them useless,
// although they import. Line 5 of transformers accepts torch from 2.6 on.
const (
	fakeTransformersUtils = `
def is_torch_available():
    from torch.version import __version__ as torch
    return %d < 5 or [int(n) for n in torch.split("+")[0].split(".")] >= [2, 6]
`
	fakeLlama = `
import os
def llama_print_system_info():
    if os.environ.get("FAKE_USELESS"): raise OSError("exception: access violation reading 0x0000000000000000")
    return b"CPU : SSE3 = 1"
`
	fakeOnnxruntime = `
import os
def get_available_providers(): return [] if os.environ.get("FAKE_USELESS") == "providers" else ["CPUExecutionProvider"]
def InferenceSession(model, providers):
    if os.environ.get("FAKE_USELESS"): raise RuntimeError("Failed to load model because protobuf parsing failed.")
`
	fakeBitsandbytes = `
import os, torch
class lib: pass
lib = lib()
if os.environ.get("FAKE_USELESS"): lib.error_msg = "No compatible CUDA binary found"
`
	fakeVllm = `
import os
def __getattr__(name):
    if name != "LLM": raise AttributeError(name)
    if os.environ.get("FAKE_USELESS"): raise ImportError("vllm._C: undefined symbol: _ZN3c10")
    return object
`
	fakeDiffusers = `
import os
def __getattr__(name):
    if name != "DiffusionPipeline": raise AttributeError(name)
    if os.environ.get("FAKE_USELESS"): raise ImportError("cannot import name 'FLAX_WEIGHTS_NAME'")
    return object
`
	fakeCtranslate2 = `
import os
def get_supported_compute_types(device):
    if os.environ.get("FAKE_USELESS"): raise RuntimeError("no backend was compiled in")
    return {"float32"}
def get_cuda_device_count(): return 0 if os.environ.get("FAKE_NO_DRIVER") else 1
`
	fakeOpenvino = `
import os
class Core: available_devices = [] if os.environ.get("FAKE_USELESS") else ["CPU"]
`
	fakeMlx = `
import os
def ones(n):
    if os.environ.get("FAKE_USELESS"): raise RuntimeError("[metal::load_device] No Metal device available.")
    return _Array()
class _Array:
    def __mul__(self, other): return self
    def sum(self): return self
    def item(self): return 16
`
)

// wheels returns small stand-ins with the names and versions that the embedded
// profiles, the app's own profiles and more profiles require.
func wheels(t testing.TB, more ...profile.Profile) []uvtest.Wheel {
	t.Helper()
	all := append(profile.Embedded(), more...)
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
			for _, text := range f.For(accel).Packages {
				if n := requirement.NameOf(text); len(versions[n]) == 0 && n != "pip" {
					add(n, "1.0.0")
				}
			}
		}
	}
	// What scripts name. "make profiles" may take it out of the profiles.
	add("torch", "2.11.0")
	add("transformers", "4.57.6")
	add("huggingface-hub", "0.36.2")
	add("huggingface-hub", "2.4.0") // of line 5
	add("bitsandbytes", "0.49.2")
	add("extra-thing", "1.0")
	add("compressed-tensors", "0.20.1") // of quantised models
	add("gptqmodel", "4.2.5")
	add("gliner", "0.2") // of a kind that no family serves
	add("sentence-transformers", "6.2.0")
	add("optimum", "1.27.0")
	add("kernels", "0.9.0")
	add("exllamav3", "1.0")
	add("needs-old-torch", "1.0")
	out := []uvtest.Wheel{{Name: "odd-record", Version: "1.0", Files: map[string]string{"odd_record.py": "x = 1\n"}, WrongHash: "odd_record.py"}}
	for name, set := range versions {
		for v := range set {
			out = append(out, stand(name, v))
		}
	}
	return out
}

// originDir returns the folder of the app's own profiles.
func originDir(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs("../../resolve/profile/testdata")
	require.NoError(t, err)
	return dir
}

// stand returns one small wheel.
func stand(name, version string) uvtest.Wheel {
	module := strings.ReplaceAll(name, "-", "_")
	w := uvtest.Wheel{Name: name, Version: version, Files: map[string]string{
		module + "/__init__.py": fmt.Sprintf("__version__ = %q\n", version),
	}}
	known := "" // to transformers, besides llama
	switch name {
	case "torch":
		cuda := "None"
		if _, tag, ok := strings.Cut(version, "+cu"); ok {
			cuda = fmt.Sprintf("%q", tag[:2]+"."+tag[2:])
		}
		w.Files["torch/__init__.py"] = fakeTorch
		w.Files["torch/version.py"] = fmt.Sprintf("__version__ = %q\ncuda = %s\nhip = None\n", version, cuda)
	case "transformers":
		w.Requires, known = []string{"huggingface-hub>=0.34.0,<1.0", "tokenizers"}, "'openai-gpt': 'OpenAIGPTConfig', 'qwen2': 'Qwen2Config'"
		if profile.LineOf(version) == 5 {
			w.Requires[0], known = "huggingface-hub>=1.0,<3.0", known+", 'qwen3_5': 'Qwen3_5Config'"
		}
		w.Scripts = map[string]string{"tiny-script": "transformers.cli:main"}
		w.Files["transformers/cli.py"] = "def main():\n    print('tiny runs')\n"
		w.Files["transformers/modeling_utils.py"] = ""
		w.Files["transformers/models/llama/__init__.py"] = ""
		w.Files["transformers/models/auto/configuration_auto.py"] = "CONFIG_MAPPING_NAMES = {'llama': 'LlamaConfig', " + known + "}\n"
		w.Files["transformers/utils/__init__.py"] = fmt.Sprintf(fakeTransformersUtils, profile.LineOf(version))
	case "torchvision":
		minor := version[:strings.LastIndexByte(version[:6], '.')]
		w.Requires = []string{"torch>=2.14"} // as 0.29 says
		if torch := map[string]string{"0.20": "2.5.1", "0.21": "2.6.0", "0.22": "2.7.1", "0.24": "2.9.1", "0.25": "2.10.0", "0.26": "2.11.0"}[minor]; torch != "" {
			w.Requires = []string{"torch==" + torch}
		}
	case "needs-old-torch":
		w.Requires = []string{"torch<2.7"}
	case "extra-thing":
		w.Files["tiny_module.py"] = ""
	case "llama-cpp-python":
		w.Files["llama_cpp/__init__.py"] = fakeLlama
	case "onnxruntime":
		w.Files["onnxruntime/__init__.py"] = fakeOnnxruntime
	case "bitsandbytes":
		w.Files["bitsandbytes/cextension.py"] = fakeBitsandbytes
	case "vllm":
		w.Files["vllm/__init__.py"] = fakeVllm
	case "diffusers":
		w.Files["diffusers/__init__.py"] = fakeDiffusers
		w.Files["diffusers/utils.py"] = "def is_torch_available(): return True\n"
	case "ctranslate2":
		w.Files["ctranslate2/__init__.py"] = fakeCtranslate2
	case "nvidia-cublas-cu12":
		w.Files["nvidia/cublas/lib/libcublas.so.12"], w.Files["nvidia/cublas/bin/cublas64_12.dll"] = "", ""
	case "openvino":
		w.Files["openvino/__init__.py"] = fakeOpenvino
	case "mlx":
		w.Files["mlx/core.py"] = fakeMlx
	}
	return w
}
