package need

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestType checks the model type, because a folder in the env is looked up by it. A
// type that is not a plain name is ignored, and so is the type of a model with its
// own code.
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
		`{"model_type":"mine","auto_map":{"AutoConfig":"configuration_mine.MineConfig"}}`: "",
	} {
		dir := t.TempDir()
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "lora"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "lora", "adapter_config.json"), []byte(`{"base_model_name_or_path":".."}`), 0o600))
		for _, name := range []string{dir, filepath.Join(dir, "lora")} {
			m, err := Of(name, Places{Cwd: dir})
			require.NoError(t, err)
			require.Equal(t, want, m.Type, "%s: %s", name, config)
		}
	}
}
