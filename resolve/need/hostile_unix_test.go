//go:build unix

package need

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/fault"
)

// TestHostileFolders checks what names and sizes in a folder that others made can do.
func TestHostileFolders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}

	// A pipe is not opened.
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "pipes"), 0o700))
	for _, name := range []string{"README.md", "onnx", "transformer", "model.safetensors", "cog.yaml"} {
		require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipes", name), 0o600))
	}
	_, err := Of("pipes", Places{Cwd: dir})
	require.ErrorContains(t, err, "is made for Cog")

	// The name of a folder below does not look like another message.
	write("lines/a\nmodelrun: hint: rm/config.json", `{"model_type": "llama"}`)
	_, err = Of("lines", Places{Cwd: dir})
	require.ErrorContains(t, err, "holds no *.gguf")
	var e *fault.Error
	require.ErrorAs(t, err, &e)
	require.NotContains(t, e.Remedy, "rm")

	// A type is no longer than an argument of a program.
	write("type/config.json", `{"model_type": "`+strings.Repeat("a", 200_000)+`", "architectures": ["LlamaForCausalLM"]}`)
	m, err := Of("type", Places{Cwd: dir})
	require.NoError(t, err)
	require.Empty(t, m.Type)

	// Not every folder of a pipeline is read.
	write("parts/model_index.json", "{}")
	for i := range maxParts {
		write(filepath.Join("parts", "a"+strconv.Itoa(i), "config.json"), "{}")
	}
	write("parts/b/config.json", `{"quantization_config": {"quant_method": "bitsandbytes"}}`)
	m, err = Of("parts", Places{Cwd: dir})
	require.NoError(t, err)
	require.Empty(t, m.Quant)
}
