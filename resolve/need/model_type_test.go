package need

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/fault"
)

// TestType checks the model type, because a folder in the env is looked up by it. A
// type that is not a plain name is ignored.
func TestType(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]string{
		`{"model_type":"llama"}`:       "llama",
		`{"model_type":"xlm-roberta"}`: "xlm-roberta",
		`{"model_type":"qwen2_5_vl","quantization_config":{"quant_method":"bitsandbytes"}}`: "qwen2_5_vl",
		`{"architectures":["LlamaForCausalLM"]}`:                                            "",
		`{"model_type":7}`:                                                                  "",
		`{"model_type":"../../llama"}`:                                                      "",
		`{"model_type":"a/b"}`:                                                              "",
		`{"model_type":""}`:                                                                 "",
		`{"model_type":"mine","auto_map":{"AutoConfig":"configuration_mine.MineConfig"}}`: "mine",
	} {
		dir := t.TempDir()
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "lora"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "lora", "adapter_config.json"), []byte(`{"base_model_name_or_path":".."}`), 0o600))
		for _, name := range []string{dir, filepath.Join(dir, "lora")} {
			m, err := Of(name, Places{Cwd: dir})
			require.True(t, err == nil || fault.CodeOf(err) == fault.BadModel, "%v", err) // without a type, nothing may show the kind
			require.Equal(t, want, m.Type, "%s: %s", name, config)
		}
	}
}

// TestSaved checks what decides between the lines of transformers, in the forms that
// real configs have.
func TestSaved(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]Model{
		`{"model_type":"llama","transformers_version":"5.24.0"}`:                           {Saved: "5.24.0"},
		`{"model_type":"qwen3_5","transformers_version":"4.57.0.dev0"}`:                    {Saved: "4.57.0.dev0"},
		`{"model_type":"llama","transformers_version":null,"auto_map":null}`:               {},
		`{"transformers_version":5}`:                                                       {},
		`{"transformers_version":["5.0"]}`:                                                 {},
		`{"transformers_version":""}`:                                                      {},
		`{"transformers_version":"git"}`:                                                   {},
		`{"transformers_version":"5.0\n\u001b[31m"}`:                                       {},
		`{"transformers_version":"55555555555555555555555555555555555555555"}`:             {},
		`{"auto_map":{"AutoModel":"modeling_x.X"},"transformers_version":"4.40.1"}`:        {Code: true, Saved: "4.40.1"},
		`{"auto_map":{"AutoModel":"m.X"},"text_config":{"transformers_version":"4.56.2"}}`: {Code: true, Saved: "4.56.2"},
		`{"transformers_version":"5.1.0","text_config":{"transformers_version":"4.56.2"}}`: {Saved: "5.1.0"},
		`{"text_config":[1]}`:                                                              {},
		`{"text_config":"none"}`:                                                           {},
		`{"text_config":{"model_type":"x","rope":NaN,"text_config":{"transformers_version":"5.0"}},"transformers_version":null}`: {},
	} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600))
		m, err := Of(dir, Places{Cwd: dir})
		require.True(t, err == nil || fault.CodeOf(err) == fault.BadModel, "%s: %v", config, err)
		require.Equal(t, want, Model{Code: m.Code, Saved: m.Saved}, config)
	}
}
