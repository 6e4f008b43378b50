package need

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPickle checks which weights transformers has to unpickle.
func TestPickle(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files []string
		want  string
	}{
		"one file":                 {[]string{"pytorch_model.bin"}, "pytorch_model.bin"},
		"shards":                   {[]string{"pytorch_model-00002-of-00002.bin", "pytorch_model-00001-of-00002.bin", "pytorch_model.bin.index.json"}, "pytorch_model-00001-of-00002.bin"},
		"safetensors too":          {[]string{"pytorch_model.bin", "model.safetensors"}, ""},
		"safetensors":              {[]string{"model.safetensors"}, ""},
		"what training left":       {[]string{"training_args.bin", "optimizer.pt", "rng_state.pth", "scheduler.pt"}, ""},
		"what programs load":       {[]string{"model.pt", "model.ckpt"}, ""},
		"with its other formats":   {[]string{"pytorch_model.bin", "tf_model.h5", "flax_model.msgpack"}, "pytorch_model.bin"},
		"of sentence-transformers": {[]string{"pytorch_model.bin", "modules.json"}, "pytorch_model.bin"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, f := range append(c.files, "config.json") {
				require.NoError(t, os.WriteFile(filepath.Join(dir, f), []byte(`{"model_type":"bert"}`), 0o600))
			}
			m, err := Of(dir, Places{Cwd: dir})
			require.NoError(t, err)
			if c.want != "" {
				c.want = filepath.Join(dir, c.want)
			}
			assert.Equal(t, c.want, m.Pickle)
		})
	}
}
