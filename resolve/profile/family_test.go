package profile

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/envdir"
)

func TestFamilies(t *testing.T) {
	t.Parallel()
	all := Families()
	require.Equal(t, DefaultFamily, all[0].Name, "the first is the default")
	for _, f := range all {
		require.Contains(t, f.Packages, "pip", f.Name)
		for _, accel := range []string{"cpu", "cu128", "mps"} {
			require.Equal(t, f.Serves(accel), f.Key(accel, false) != "", f.Name)
			x := f.For(accel)
			require.NotEmpty(t, x.Needs(len(f.Bnb) > 0), f.Name)
			require.Equal(t, x, x.For(accel))
			require.NotEmpty(t, x.Old, f.Name)
			require.Contains(t, []bool{installs(x.Packages, f.Main[0]), installs(x.Packages, f.Main[len(f.Main)-1])}, true)
		}
	}
	_, ok := FamilyNamed("tensorflow")
	require.False(t, ok)
}

func TestNeedsOfTransformers(t *testing.T) {
	t.Parallel()
	f := family(t, "transformers")
	require.Equal(t, imports([]string{"transformers", "torch", "fastapi", "uvicorn", "pydantic"}), f.For("cu121").Needs(false))
	require.Equal(t, imports([]string{"torch", "transformers", "accelerate"}), f.For("cu121").Old)
	require.Contains(t, f.For("cu121").Needs(true), Import{"bitsandbytes", "bitsandbytes"})
}

func TestONNXIsAnotherPackageOnCUDA(t *testing.T) {
	t.Parallel()
	f := family(t, "onnx")
	k, ok := ParseKey("onnx-cu128")
	require.True(t, ok)
	require.Contains(t, k.Family.Needs(false), Import{"onnxruntime", "onnxruntime-gpu"})
	require.Contains(t, f.For("cu128").Shared, Import{"onnxruntime", "onnxruntime-gpu"})
	require.Contains(t, f.For("cpu").Shared, Import{"onnxruntime", "onnxruntime"})
	require.False(t, installs(f.For("cpu").Packages, "onnxruntime-gpu"))
	require.False(t, installs(f.For("cu128").Packages, "onnxruntime"))
}

func TestCTranslate2BringsCUBLAS(t *testing.T) {
	t.Parallel()
	f := family(t, "ctranslate2")
	require.True(t, installs(f.For("cu128").Packages, "nvidia-cublas-cu12"))
	require.False(t, installs(f.For("cpu").Packages, "nvidia-cublas-cu12"))
}

func TestKeys(t *testing.T) {
	t.Parallel()
	cases := map[envdir.Key]struct {
		family, accel string
		bnb           bool
	}{
		"torch-cu121-transformers":       {"transformers", "cu121", false},
		"torch-cu121-transformers-bnb":   {"transformers", "cu121", true},
		"torch-rocm6.4-transformers-bnb": {"transformers", "rocm6.4", true},
		"torch-cpu-transformers":         {"transformers", "cpu", false},
		"llamacpp-mps":                   {"llamacpp", "mps", false},
		"onnx-xpu":                       {"onnx", "xpu", false},
		"vllm-cu128":                     {"vllm", "cu128", false},
		"torch-cu128-diffusers":          {"diffusers", "cu128", false},
		"ctranslate2-mps":                {"ctranslate2", "mps", false},
		"openvino-cpu":                   {"openvino", "cpu", false},
		"mlx-mps":                        {"mlx", "mps", false},
	}
	for k, c := range cases {
		t.Run(string(k), func(t *testing.T) {
			t.Parallel()
			require.Equal(t, k, family(t, c.family).Key(c.accel, c.bnb))
			p, ok := ParseKey(k)
			require.True(t, ok)
			require.Equal(t, c.family, p.Family.Name)
			require.Equal(t, c.accel, p.Accel)
			require.Equal(t, c.bnb, p.Bnb)
		})
	}
	for _, k := range []envdir.Key{"", "tf-cu121-t45-bnb-stable", "x--dedicated--y", "torch-cu121", "torch--transformers",
		"torch-cu12-transformers", "torch-cu1211-transformers", "torch-cuda-transformers", "torch-cu121-transformers-bnb-bnb",
		"llamacpp-cpu-bnb", "onnx-", "torch-rocm-transformers", "torch-rocm6-transformers", "torch-cu121-transformersx",
		"openvino-cu128", "openvino-xpu", "mlx-cpu", "torch-cu128-diffusers-bnb"} {
		_, ok := ParseKey(k)
		require.False(t, ok, k)
	}
	require.Empty(t, family(t, "onnx").Key("cpu", true), "no -bnb")
	require.Empty(t, family(t, "onnx").Key("../x", false))
}

func FuzzParseKey(f *testing.F) {
	f.Add("torch-cu121-transformers-bnb")
	f.Add("llamacpp-rocm6.4")
	f.Fuzz(func(t *testing.T, s string) {
		p, ok := ParseKey(envdir.Key(s))
		if ok {
			require.Equal(t, s, string(p.Family.Key(p.Accel, p.Bnb)))
		}
	})
}
