package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/execx/execxtest"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/uv/uvtest"
)

func TestMain(m *testing.M) { execxtest.Main(m) }

// world is a default index and an index of torch's packages for CUDA 12.6, with small
// wheels.
type world struct {
	g            generator
	index, torch *uvtest.Index
	said         bytes.Buffer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{index: uvtest.NewIndex(t, t.TempDir()), torch: uvtest.NewIndex(t, t.TempDir())}
	for _, f := range profile.Families() {
		for _, name := range f.Packages {
			if name != "pip" && name != "vllm" && name != "transformers" && name != "llama-cpp-python" && !strings.HasPrefix(name, "torch") {
				w.add(name, "1.0")
			}
		}
	}
	w.add("transformers", "4.57.6")
	w.add("transformers", "5.24.0", "nothing==1; python_version < '3.11'")
	w.add("bitsandbytes", "0.50.2")
	w.add("cuda-toolkit", "13.0.3")
	w.add("cuda-toolkit", "13.2.2")
	w.add("cuda-toolkit", "13.4.0")
	w.add("torch", "2.10.0")
	w.add("torch", "2.14.0", "cuda-toolkit==13.0.3")
	w.add("torch", "2.15.0", "cuda-toolkit==13.2.2")
	w.add("torch", "2.16.0", "cuda-toolkit==13.4.0")
	w.add("torchvision", "0.25.0")
	w.add("torchvision", "0.29.2", "torch>=2.14")
	w.add("torchaudio", "2.10.0")
	w.add("torchaudio", "2.11.1")
	w.add("onnxruntime", "1.32.0")
	w.add("onnxruntime-gpu", "1.31.1", "nvidia-cuda-runtime~=13.0")
	w.add("onnxruntime-gpu", "1.26.0", "nvidia-cuda-runtime-cu12~=12.0")
	w.add("nvidia-cuda-runtime", "13.2.1")
	w.add("nvidia-cuda-runtime-cu12", "12.9.1")
	w.add("vllm", "0.2.5")
	w.add("vllm", "0.33.0", "torch==2.14.0")
	for _, p := range [][2]string{{"torch", "2.10.0"}, {"torch", "2.15.0"}, {"torchvision", "0.25.0"}, {"torchvision", "0.29.2"}, {"torchaudio", "2.10.0"}, {"torchaudio", "2.11.1"}} {
		w.torch.Add(uvtest.Wheel{Name: p[0], Version: p[1] + "+cu126"})
	}
	dir := t.TempDir()
	w.g = generator{
		resolver: resolver{uv: uvtest.Path(t), dir: dir, env: execx.NewEnviron(os.Environ()).With("UV_DEFAULT_INDEX", w.index.URL())},
		source:   "the default index", date: "2026-11-30", log: &w.said,
		needs: map[int]line{4: {version: "4.57.6", torch: "2.2"}, 5: {version: "5.24.0", torch: "2.6"}},
	}
	return w
}

func (w *world) add(name, version string, requires ...string) {
	w.index.Add(uvtest.Wheel{Name: name, Version: version, Requires: requires})
}

// profileOf returns a profile with one entry of each kind.
func (w *world) profileOf(t *testing.T, accel, index, torch string) *file {
	t.Helper()
	var f file
	require.NoError(t, json.Unmarshal([]byte(`{"format_version": "1.0", "profile_id": "p", "accelerator": "`+accel+`", "torch_index": "`+index+`",
		"python_version": {"min": "3.12", "max": "3.12", "recommended": "3.12"}, "hardware": {"compute_capability": ["8.6"]},
		"packages": {"torch": "`+torch+`", "torchaudio": "2.10.0", "transformers": "4.57.1", "peft": "0.1"},
		"verified": {"level": "no", "date": "2026-11-23", "source": "not recorded"},
		"families": {"llamacpp": {"packages": {}, "verified": {"level": "no", "date": "2026-11-23", "source": "not recorded"}}}}`), &f))
	return &f
}

// run generates, and returns the profile's versions as modelrun reads them.
func (w *world) run(t *testing.T, f *file) (*file, profile.Profile) {
	t.Helper()
	out, err := w.g.profile(t.Context(), f)
	require.NoError(t, err)
	data, err := out.bytes()
	require.NoError(t, err)
	p, err := profile.Parse("p.json", data)
	require.NoError(t, err)
	return out, p
}

func versionsOf(o profile.Override) map[string]string {
	m := map[string]string{}
	for _, pin := range o.Pins {
		m[pin.Name] = pin.Version
	}
	return m
}

func kind(t *testing.T, name string) profile.Family {
	t.Helper()
	f, ok := profile.FamilyNamed(name)
	require.True(t, ok)
	return f
}

// TestNewest checks that both lines get the newest versions beside one torch, that
// torchaudio is left out when none follows, and that each build is for its CUDA.
func TestNewest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.profileOf(t, "cu126", w.torch.URL(), "2.10.0+cu126")
	f.Python.Min = "3.10"
	f.Families["onnx"] = &entry{versions: versions{Packages: pins{{Name: "onnxruntime-gpu", Version: "1.23.2"}}}}
	out, p := w.run(t, f)

	four, five := p.For(kind(t, "transformers")), p.For(kind(t, profile.Transformers5))
	record := profile.Verified{Level: profile.Resolved, Date: "2026-11-30", Source: w.torch.URL()}
	common := map[string]string{"torch": "2.15.0+cu126", "torchvision": "0.29.2+cu126", "peft": "1.0", "accelerate": "1.0", "bitsandbytes": "0.50.2"}
	for line, o := range map[string]profile.Override{"4.57.6": four, "5.24.0": five} {
		common["transformers"] = line
		require.Equal(t, common, versionsOf(o))
		require.Equal(t, []string{"torchaudio"}, o.Without)
		require.Equal(t, record, o.Verified)
	}
	require.Contains(t, w.said.String(), "p: without torchaudio: none follows torch 2.15.0\n")
	require.Equal(t, "3.10", four.Python.Min)
	require.Equal(t, "3.11", five.Python.Min, "line 5 does not resolve with 3.10")
	onnx := p.For(kind(t, "onnx"))
	require.Equal(t, map[string]string{"onnxruntime-gpu": "1.26.0"}, versionsOf(onnx), "1.31.1 is for CUDA 13")
	require.Equal(t, "the default index", onnx.Verified.Source)
	require.Equal(t, "2026-11-23", out.Families["llamacpp"].Verified.Date, "it fixes nothing")
}

// TestSameTorch checks that a line which does not take the newest torch holds the
// other one back, and that a torchaudio which follows is kept.
func TestSameTorch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("transformers", "4.58.0", "torch<2.12")
	w.add("transformers", "4.57.6", "torch<2.12") // written over
	_, p := w.run(t, w.profileOf(t, "cu126", w.torch.URL(), "2.10.0+cu126"))
	for _, name := range []string{"transformers", profile.Transformers5} {
		o := p.For(kind(t, name))
		require.Equal(t, "2.10.0+cu126", versionsOf(o)["torch"], name)
		require.Equal(t, "2.10.0+cu126", versionsOf(o)["torchaudio"], name)
		require.Empty(t, o.Without)
	}
}

// TestOldTorch checks that a profile whose torch is too old has line 4 only: line 5
// resolves beside it, and then does not accept it.
func TestOldTorch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.torch = uvtest.NewIndex(t, t.TempDir())
	for _, p := range [][2]string{{"torch", "2.5.1"}, {"torchvision", "0.20.1"}, {"torchaudio", "2.5.1"}} {
		w.torch.Add(uvtest.Wheel{Name: p[0], Version: p[1] + "+cu126"})
	}
	f := w.profileOf(t, "cu126", w.torch.URL(), "2.5.1+cu126")
	f.Packages = pins{{Name: "torch", Version: "2.5.1+cu126"}, {Name: "transformers", Version: "4.57.1"}}
	f.Families[profile.Transformers5] = &entry{versions: versions{Packages: pins{{Name: "transformers", Version: "5.24.0"}}}}
	out, p := w.run(t, f)
	require.False(t, p.Has(kind(t, profile.Transformers5)))
	require.Equal(t, "4.57.6", versionsOf(p.For(kind(t, "transformers")))["transformers"])
	require.Contains(t, w.said.String(), "torch 2.5.1+cu126 is too old for line 5")

	again, err := w.g.profile(t.Context(), out)
	require.NoError(t, err)
	a, err := out.bytes()
	require.NoError(t, err)
	b, err := again.bytes()
	require.NoError(t, err)
	require.Equal(t, string(a), string(b), "the same answers give the same bytes")
}

// TestFamily checks that one family is written alone, that diffusers has the versions
// of line 5, and that an entry need not come with torch to be for its CUDA.
func TestFamily(t *testing.T) {
	t.Parallel()
	for name, index := range map[string]string{"resolved": "", "not verified": "file:///nothing/is/here"} {
		w := newWorld(t)
		w.add("nvidia-cublas-cu12", "12.9.3")
		if index == "" {
			index = w.torch.URL()
		}
		f := w.profileOf(t, "cu126", index, "2.10.0+cu126")
		five := pins{{Name: "torch", Version: "2.10.0+cu126"}, {Name: "torchvision", Version: "0.25.0+cu126"}, {Name: "transformers", Version: "5.24.0"}}
		f.Families[profile.Transformers5] = &entry{versions: versions{Packages: five}}
		for _, family := range []string{"diffusers", "ctranslate2"} {
			f.Families[family] = &entry{versions: versions{Packages: pins{{Name: "torch", Version: "0"}, {Name: "torchvision", Version: "0"}, {Name: "transformers", Version: "0"}, {Name: family, Version: "0"}}}}
		}
		for _, family := range []string{"diffusers", "ctranslate2"} {
			w.g.family = family
			f, _ = w.run(t, f)
		}
		require.Equal(t, append(five[:3:3], profile.Pin{Name: "diffusers", Version: "1.0"}), f.Families["diffusers"].Packages, name)
		require.Equal(t, pins{{Name: "ctranslate2", Version: "1.0"}}, f.Families["ctranslate2"].Packages, w.said.String())
		require.Equal(t, profile.Resolved, f.Families["ctranslate2"].Verified.Level, "it comes from the default index")
		require.Equal(t, name == "resolved", f.Families["diffusers"].Verified.Level == profile.Resolved, name)
		require.Equal(t, five, f.Families[profile.Transformers5].Packages)
		require.Equal(t, "2.10.0+cu126", f.Packages[0].Version)
	}
}

// TestUnreachable checks that an entry whose index cannot be asked stays as it is.
// Only line 5 is written, beside the torch that is fixed, and as not verified.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.profileOf(t, "cu126", "file:///nothing/is/here", "2.10.0+cu126")
	f.Families["vllm"] = &entry{versions: versions{Packages: pins{{Name: "vllm", Version: "0.14.1"}, {Name: "torch", Version: "2.9.1+cu126"}}}}
	out, p := w.run(t, f)
	require.Equal(t, f.Packages, out.Packages)
	require.Equal(t, f.Verified, out.Verified)
	require.Equal(t, f.Families["vllm"].Packages, out.Families["vllm"].Packages)
	five := p.For(kind(t, profile.Transformers5))
	require.Equal(t, map[string]string{
		"torch": "2.10.0+cu126", "torchaudio": "2.10.0", "torchvision": "0.25.0", "transformers": "5.24.0", "peft": "1.0", "accelerate": "1.0",
		"bitsandbytes": "0.50.2",
	}, versionsOf(five))
	require.Equal(t, profile.Verified{Level: profile.Unverified, Date: "2026-11-30", Source: "the default index, beside torch 2.10.0 of that index"}, five.Verified)

	checked := *f
	checked.Families = map[string]*entry{profile.Transformers5: {versions: versions{Packages: pins{{Name: "transformers", Version: "5.23.0"}}, Verified: profile.Verified{Level: profile.Imported}}}}
	out, _ = w.run(t, &checked)
	require.Equal(t, checked.Families[profile.Transformers5].Packages, out.Families[profile.Transformers5].Packages,
		"what was checked where the index can be asked is worth more")
}

// TestDefaultIndex checks the builds of the default index: only those for the
// profile's CUDA count, and vllm never goes back.
func TestDefaultIndex(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.profileOf(t, "cu132", "", "2.15.0")
	f.Families["vllm"] = &entry{versions: versions{Packages: pins{{Name: "vllm", Version: "0.14.1"}, {Name: "torch", Version: "2.9.1"}}}}
	out, p := w.run(t, f)
	require.Equal(t, "2.15.0", versionsOf(p.For(kind(t, "transformers")))["torch"], "2.16.0 is for CUDA 13.4")
	require.Equal(t, f.Families["vllm"].Packages, out.Families["vllm"].Packages)
	require.Contains(t, w.said.String(), "p: vllm is kept: vllm would go back from 0.14.1 to 0.2.5\n")

	w.said.Reset()
	f = w.profileOf(t, "cu130", "file:///nothing/is/here", "2.10.0")
	f.Families["vllm"] = &entry{TorchIndex: "default", versions: versions{Packages: pins{{Name: "vllm", Version: "0.14.1"}, {Name: "torch", Version: "2.9.1"}}}}
	_, p = w.run(t, f)
	require.Equal(t, map[string]string{"vllm": "0.33.0", "torch": "2.14.0"}, versionsOf(p.For(kind(t, "vllm"))))
}

// TestCPU checks that the CPU takes torch from the default index if its own cannot be
// asked, and that its versions have no local tag.
func TestCPU(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.profileOf(t, "cpu", "file:///nothing/is/here", "2.10.0")
	f.Families["onnx"] = &entry{versions: versions{Packages: pins{{Name: "onnxruntime", Version: "1.23.2"}}}}
	_, p := w.run(t, f)
	require.Equal(t, "2.16.0", versionsOf(p.For(kind(t, "transformers")))["torch"])
	require.Equal(t, "the default index", p.Verified.Source)
	require.Equal(t, "1.32.0", versionsOf(p.For(kind(t, "onnx")))["onnxruntime"])
	f.TorchIndex = w.torch.URL()
	_, p = w.run(t, f)
	require.Equal(t, "2.15.0", versionsOf(p.For(kind(t, "transformers")))["torch"])
}

// TestPythons checks that a narrower range of the transformers' entry does not become
// that of the entries that were kept.
func TestPythons(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("torch", "2.17.0", "cuda-toolkit==13.2.2", "nothing==1; python_version < '3.11'")
	f := w.profileOf(t, "cu132", "", "2.15.0")
	f.Python.Min = "3.10"
	out, p := w.run(t, f)
	require.Equal(t, &python{Min: "3.11", Max: "3.12", Recommended: "3.12"}, out.Python)
	require.Equal(t, "3.10", p.For(kind(t, "llamacpp")).Python.Min)
	require.Nil(t, out.Families[profile.Transformers5].Python)
}

// TestEmbeddedFiles checks that reading and writing a profile changes nothing in it,
// and that the page has the versions of all.
func TestEmbeddedFiles(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../" + embedded + "/*.json")
	require.NoError(t, err)
	require.Greater(t, len(files), 10)
	all := make([]*file, len(files))
	for i, path := range files {
		all[i], err = readFile(path)
		require.NoError(t, err)
		got, err := all[i].bytes()
		require.NoError(t, err)
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), path)
	}
	old, err := os.ReadFile("../../" + page)
	require.NoError(t, err)
	text, err := withTable(string(old), all)
	require.NoError(t, err)
	require.Equal(t, text, string(old))
	_, err = withTable("a page", all)
	require.Error(t, err)
}

// TestSource checks what is read from a wheel's metadata, and the Go file of it.
func TestSource(t *testing.T) {
	t.Parallel()
	l := parseMetadata([]byte("Name: transformers\nVersion: 5.24.0\nRequires-Python: >=3.11.0\nRequires-Dist: torch>=2.7; extra == \"all\"\n" +
		"Requires-Dist: torch>=2.6; extra == \"torch\"\n\nVersion: in the text\n"))
	require.Equal(t, line{version: "5.24.0", torch: "2.6", python: "3.11"}, l)
	l.types = []string{"llama", "qwen3_5"}
	text, err := source(map[int]line{5: l, 4: {version: "4.57.6", torch: "2.2", python: "3.9", types: []string{"llama", "old"}}})
	require.NoError(t, err)
	require.Contains(t, string(text), "\nllama 45\nold 4\nqwen3_5 5\n`\n")
	require.Contains(t, string(text), "\t5: {since: typesVersion5, torch: \"2.6\", python: \"3.11\"},\n")
}
