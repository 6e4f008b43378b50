package need

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/requirement"
)

// TestQuants reads the table of methods.
func TestQuants(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, q := range quants {
		require.False(t, seen[q.Name], "%s is in the table twice", q.Name)
		seen[q.Name] = true
		for _, l := range []*Load{q.Four, q.Five} {
			if l == nil {
				continue
			}
			for _, text := range l.Needs {
				r, err := requirement.Parse(text)
				require.NoError(t, err, q.Name)
				require.False(t, r.Bare() && r.Name == "accelerate", "%s: every env has it", q.Name)
			}
			for _, cc := range []string{l.GPU, l.Fails, q.VLLM} {
				require.Regexp(t, `^(|0|\d+\.\d)$`, cc, q.Name)
			}
		}
		require.Equal(t, q.Name, spelt(q.Name), "no row may be the start of a later one")
	}
	_, known := QuantNamed("brand_new")
	require.False(t, known)
}

// TestQuantised checks where models say how they are quantised, and the evidence.
func TestQuantised(t *testing.T) {
	t.Parallel()
	type files = map[string]string
	of := func(quant string) files { return files{"config.json": quantised(quant)} }
	for name, c := range map[string]struct {
		files  files
		method string
		shown  string // the evidence, in the file that has it
	}{
		"bitsandbytes with its width":   {of(`{"quant_method":"BITSANDBYTES_4bit"}`), "bitsandbytes", "config.json: quantization_config.quant_method BITSANDBYTES_4bit"},
		"before quant_method":           {of(`{"_load_in_8bit":true,"load_in_4bit":false}`), "bitsandbytes", "config.json: quantization_config._load_in_8bit true"},
		"switched off":                  {of(`{"load_in_4bit":false}`), "", ""},
		"no quantisation":               {of(`null`), "", ""},
		"with a kernel of vllm":         {of(`{"quant_method":"gptq_marlin_24"}`), "gptq", "config.json: quantization_config.quant_method gptq_marlin_24"},
		"awq, made by auto-round":       {of(`{"quant_method":"awq","provider":"auto-round"}`), "awq", "config.json: quantization_config.quant_method awq"},
		"fp8":                           {of(`{"quant_method":"fp8","fmt":"e4m3"}`), "fp8", "config.json: quantization_config.quant_method fp8"},
		"fp8 that is ModelOpt's":        {of(`{"quant_algo":"MIXED_PRECISION","quant_method":"fp8"}`), "modelopt", "config.json: quantization_config.quant_algo MIXED_PRECISION"},
		"ModelOpt without quant_method": {of(`{"quant_algo":"NVFP4","producer":{"name":"modelopt"}}`), "modelopt_fp4", "config.json: quantization_config.quant_algo NVFP4"},
		"a method that is not known":    {of(`{"quant_method":"Brand_New"}`), "brand_new", "config.json: quantization_config.quant_method Brand_New"},
		"a line break in it":            {of(`{"quant_method":"a\nb"}`), `"a\nb"`, "config.json: quantization_config.quant_method a\nb"},
		"only of the text": {files{"config.json": `{"model_type":"kimi_k25","text_config":{"quantization_config":{"quant_method":"compressed-tensors"}}}`},
			"compressed-tensors", "config.json: text_config.quantization_config.quant_method compressed-tensors"},
		"ModelOpt's file alone":      {files{"config.json": `{"model_type":"qwen3"}`, "hf_quant_config.json": `{"quantization":{"quant_algo":"FP8"}}`}, "modelopt", "hf_quant_config.json: quantization.quant_algo FP8"},
		"AutoGPTQ's file alone":      {files{"config.json": `{"model_type":"llama"}`, "quantize_config.json": `{"bits":4,"group_size":128}`}, "gptq", "quantize_config.json: bits 4"},
		"AutoAWQ's file alone":       {files{"config.json": `{"model_type":"llama"}`, "quant_config.json": `{"w_bit":4,"q_group_size":128}`}, "awq", "quant_config.json: w_bit 4"},
		"a list of ONNX operators":   {files{"config.json": `{"model_type":"whisper"}`, "quantize_config.json": `{"per_model_config":{}}`}, "", ""},
		"a file that cannot be read": {files{"config.json": `{"model_type":"whisper"}`, "quantize_config.json": `{`}, "", ""},
		"the config decides":         {files{"config.json": quantised(`{"quant_method":"awq"}`), "quantize_config.json": `{"bits":4}`}, "awq", "config.json: quantization_config.quant_method awq"},
		"code of its own":            {files{"config.json": `{"model_type":"moss","wbits":8,"groupsize":128,"auto_map":{"AutoModel":"m.X"}}`}, "wbits", "config.json: wbits 8"},
		"nothing but a method":       {files{"config.json": `{"quantization_config":{"quant_method":"awq"}}`}, "awq", "config.json: quantization_config.quant_method awq"},
		"MLX":                        {files{"config.json": `{"model_type":"qwen3","quantization":{"bits":4},"quantization_config":{"bits":4}}`}, "", ""},
		"a pipeline":                 {files{"model_index.json": "{}", "scheduler/s.json": "{}", "transformer/config.json": `{"quantization_config":{"quant_method":"bitsandbytes"}}`, "vae/config.json": "{"}, "bitsandbytes", filepath.Join("transformer", "config.json") + ": quantization_config.quant_method bitsandbytes"},
		"an adapter's base":          {files{"adapter_config.json": adapterOf("./base"), "base/config.json": quantised(`{"quant_method":"gptq"}`)}, "gptq", filepath.Join("base", "config.json") + ": quantization_config.quant_method gptq"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := tree(t, c.files)
			m, err := Of(dir, Places{Cwd: dir})
			require.NoError(t, err)
			require.Equal(t, c.method, m.Quant)
			if c.method == "" {
				return
			}
			e := m.Evidence[len(m.Evidence)-1]
			file, err := filepath.Rel(dir, e.File)
			require.NoError(t, err)
			require.Equal(t, c.shown, file+": "+e.Field+" "+e.Value)
		})
	}
}

func TestQuantOfName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"unsloth/Llama-3.2-1B-bnb-4bit": "bitsandbytes", "unsloth/mistral-7b-bnb-4bit-v2": "bitsandbytes", "TheBloke/Llama-2-7B-GPTQ": "gptq",
		"casperhansen/llama-3-8b-awq": "awq", "Qwen/Qwen2.5-7B-Instruct-GPTQ-Int4": "gptq", "nvidia/Qwen3-235B-A22B-NVFP4": "modelopt_fp4", "turboderp/Llama-3-exl2": "exl2",
		"org/hawq": "", "org/awqward": "", "meta-llama/Llama-3.2-1B": "", "": "",
	} {
		require.Equal(t, want, quantOfName(name), name)
	}
}
