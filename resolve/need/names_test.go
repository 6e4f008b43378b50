package need

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestKindsOfName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"TheBloke/Llama-2-7B-GGUF":               {"gguf"},
		"onnx-community/Qwen3-0.6B-ONNX":         {"onnx"},
		"OpenVINO/Phi-3-mini-int4-ov":            {"openvino"},
		"Systran/faster-whisper-large-v3":        {"ctranslate2"},
		"stabilityai/stable-diffusion-xl-base":   {"diffusers"},
		"sentence-transformers/all-MiniLM-L6-v2": {"sentence-transformers"},
		"timm/resnet50.a1_in1k":                  {"timm"},
		"mlx-community/Qwen3-4B-4bit":            {"mlx"},
		"city96/stable-diffusion-3.5-large-gguf": {"gguf", "diffusers"},
		"mistralai/Mistral-Nemo-Instruct-2407":   nil,
		"org/xonnx":                              nil,
		"meta-llama/Llama-3.2-1B":                nil,
		"":                                       nil,
	} {
		var names []string
		for _, k := range kindsOfName(name) {
			names = append(names, k.Name)
		}
		require.Equal(t, want, names, name)
	}
}

func TestQuantOfID(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"unsloth/llama-bnb-4bit": "bitsandbytes", "/home/jo/llama-bnb-8bit": "bitsandbytes", `D:\models\llama-GPTQ`: "gptq",
		"/home/bnb-4bit/llama": "", "bnb-4bit/llama": "bitsandbytes", "": "",
	} {
		require.Equal(t, want, quantOfID(name).method, name)
	}
}
