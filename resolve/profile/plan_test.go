package profile

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func load(t *testing.T, name string) Profile {
	t.Helper()
	p, err := Load(filepath.Join("testdata", name+".json"))
	require.NoError(t, err)
	return p
}

func embeddedNamed(t *testing.T, name string) Profile {
	t.Helper()
	for _, p := range Embedded() {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("no embedded profile %s", name)
	return Profile{}
}

func TestPlanOfTheAppsProfile(t *testing.T) {
	t.Parallel()
	f := family(t, "transformers")
	plan := load(t, "ampere_cu121").Plan(f.Key("cu121", true), f, true)
	require.Equal(t, "cu121", plan.Accel)
	require.Equal(t, "https://download.pytorch.org/whl/cu121", plan.TorchIndex)
	require.Equal(t, []string{"torch", "torchvision", "torchaudio"}, plan.FromTorch)
	require.Equal(t, []Pin{{"torch", "2.5.1+cu121"}, {"torchvision", "0.20.1+cu121"}, {"torchaudio", "2.5.1+cu121"}, {"transformers", "4.57.3"}}, plan.Hard)
	require.Equal(t, []Pin{{"typing-extensions", "4.12.2"}, {"numpy", "1.26.4"}, {"tokenizers", "0.22.0"}, {"safetensors", "0.7.0"},
		{"huggingface-hub", "0.27.1"}}, plan.Soft[:5], "in the order of the file")
	for _, no := range []string{"PySide6", "streamlit", "open-clip-torch"} {
		require.NotContains(t, plan.Packages, no)
	}
	for _, yes := range []string{"pip", "bitsandbytes", "peft", "accelerate"} {
		require.Contains(t, plan.Packages, yes)
	}
	require.Equal(t, [3]string{"3.10", "3.12", "3.12"}, [3]string{plan.Python.Min, plan.Python.Max, plan.Python.Best})
	require.Contains(t, plan.Shared, Import{"bitsandbytes", "bitsandbytes"})
}

func TestPlanOfEmbedded(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		profile, family, index string
		from                   []string
		hard                   []string // their versions change with "make profiles"
	}{
		"torch brings its own triton on ROCm": {"rocm6.4", "transformers", "https://download.pytorch.org/whl/rocm6.4",
			[]string{"torch", "torchvision", "torchaudio", "pytorch-triton-rocm"},
			[]string{"torch", "torchvision", "torchaudio", "transformers"}},
		"Metal comes from the default index": {"mps", "transformers", "", nil,
			[]string{"torch", "torchvision", "transformers"}},
		"llama.cpp has an index of its own": {"cuda_cu124", "llamacpp", "https://abetlen.github.io/llama-cpp-python/whl/cu124",
			[]string{"llama-cpp-python"}, nil},
		"onnx takes nothing from torch's index":      {"cuda_cu128", "onnx", "", nil, []string{"onnxruntime-gpu"}},
		"onnx on the CPU":                            {"cpu", "onnx", "", nil, []string{"onnxruntime"}},
		"vllm may take torch from the default index": {"cuda_cu130", "vllm", "", nil, []string{"vllm", "torch", "torchvision", "torchaudio"}},
		"vllm has a torch of its own": {"cuda_cu128", "vllm", "https://download.pytorch.org/whl/cu128",
			[]string{"torch", "torchvision", "torchaudio"},
			[]string{"vllm", "torch", "torchvision", "torchaudio"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, f := embeddedNamed(t, c.profile), family(t, c.family)
			plan := p.Plan(f.Key(p.Accel, false), f, false)
			require.Equal(t, c.index, plan.TorchIndex)
			require.Equal(t, c.from, plan.FromTorch)
			var hard []string
			for _, pin := range plan.Hard {
				hard = append(hard, pin.Name)
				require.True(t, c.index == "" || indexAccel(c.index) != p.Accel || strings.HasSuffix(pin.Version, "+"+p.Accel) || !torchStack(pin.Name), "%s of its index", pin)
			}
			require.Equal(t, c.hard, hard)
			for _, n := range plan.FromTorch {
				require.True(t, installs(plan.Packages, n), "uv looks only at direct requirements")
			}
		})
	}
}

func TestPlanHash(t *testing.T) {
	t.Parallel()
	p, f := load(t, "ampere_cu121"), family(t, "transformers")
	plan := p.Plan("torch-cu121-transformers", f, false)
	same := p.Plan("torch-cu121-transformers", f, false)
	same.Profile, same.ProfileHash = "renamed", "other text"
	require.Equal(t, plan.Hash(), same.Hash(), "the text of the file does not count")
	require.Len(t, plan.Hash(), 64)

	changes := map[string]func(*Plan){
		"package":  func(p *Plan) { p.Packages = append([]string{"x"}, p.Packages...) },
		"hard pin": func(p *Plan) { p.Hard = p.Hard[1:] },
		"soft pin": func(p *Plan) { p.Soft = p.Soft[1:] },
		"order":    func(p *Plan) { p.Soft = []Pin{p.Soft[1], p.Soft[0]} },
		"index":    func(p *Plan) { p.TorchIndex = "file:///mirror" },
		"python":   func(p *Plan) { p.Python.Best = "3.11" },
	}
	seen := map[string]string{plan.Hash(): "unchanged"}
	for name, change := range changes {
		other := p.Plan("torch-cu121-transformers", f, false)
		change(&other)
		require.NotContains(t, seen, other.Hash(), name)
		seen[other.Hash()] = name
	}
}

func TestWithTorchIndex(t *testing.T) {
	t.Parallel()
	p := embeddedNamed(t, "cuda_cu124")
	tr, ll := family(t, "transformers"), family(t, "llamacpp")
	require.Equal(t, "file:///mirror/cu124", p.Plan("k", tr, false).WithTorchIndex("file:///mirror/{accel}").TorchIndex)
	require.Equal(t, p.TorchIndex, p.Plan("k", tr, false).WithTorchIndex("").TorchIndex)
	require.Contains(t, p.Plan("k", ll, false).WithTorchIndex("file:///mirror/{accel}").TorchIndex, "llama-cpp-python",
		"torch's mirror has no llama.cpp")
}

func TestOwnPlan(t *testing.T) {
	t.Parallel()
	torch := OwnPlan("whisper", Own{Packages: []string{"torch==2.5.1", "faster-whisper"}, Index: "https://example.org/whl/cu121", Python: "3.11",
		Imports: []string{"faster_whisper=faster-whisper", "torch", "yaml"}})
	require.Equal(t, "cu121", torch.Accel)
	require.Equal(t, "https://example.org/whl/cu121", torch.TorchIndex)
	require.Equal(t, []string{"torch"}, torch.FromTorch)
	require.Empty(t, torch.Index)
	require.Equal(t, []string{"torch==2.5.1", "faster-whisper", "pip"}, torch.Packages)
	require.Equal(t, "3.11", torch.Python.Min)
	require.Equal(t, []Import{{"faster_whisper", "faster-whisper"}, {"torch", "torch"}, {"yaml", ""}}, torch.Shared)

	mirror := OwnPlan("tools", Own{Packages: []string{"pip==24.0", "requests"}, Index: "https://example.org/simple"})
	require.Equal(t, "https://example.org/simple", mirror.Index)
	require.Empty(t, mirror.TorchIndex)
	require.Equal(t, []string{"pip==24.0", "requests"}, mirror.Packages)
}
