package target

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/hardware"
	"github.com/modelrun/modelrun/resolve/requirement"
	"github.com/modelrun/modelrun/shim/config"
)

// finder returns a Finder for a machine without a GPU, in a folder with these files.
func finder(t *testing.T, files map[string]string, flags config.Flags) Finder {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	all := config.Flags{"root": filepath.Join(dir, "root")}
	for name, value := range flags {
		all[name] = value
	}
	env := execx.NewEnviron([]string{"HOME=" + dir, "LOCALAPPDATA=" + dir, "APPDATA=" + dir})
	c, err := config.Load(config.Input{Table: config.Settings(), Env: env, Dir: config.Dir{Path: dir}, Flags: all})
	require.NoError(t, err)
	require.NoError(t, c.RootErr())
	return NewFinder(c, env, env, hardware.NewCache(hardware.Identity{}, env, nil), hclog.NewNullLogger())
}

const (
	llama        = `{"model_type": "llama"}`
	withoutAudio = `{"format_version": "1.0", "accelerator": "cpu", "packages": {"torch": "2.15.0"},
		"families": {"transformers5": {"packages": {"torch": "2.15.0", "transformers": "5.24.0"}, "without": ["torchaudio"]}}}`
	ownEnvs = "[envs.mine]\npackages = [\"rich==13.7\"]\n"
)

// TestRequest checks which key the settings and the model lead to.
func TestRequest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files       map[string]string
		flags       config.Flags
		key, base   envdir.Key
		exact, mine bool
		named       bool
	}{
		"nothing":                       {key: "torch-cpu-transformers5"},
		"a model in the folder":         {files: map[string]string{"config.json": llama}, key: "torch-cpu-transformers5", named: true},
		"a model that is named":         {files: map[string]string{"m/x.gguf": "GGUF"}, flags: config.Flags{"model": "m/x.gguf"}, key: "llamacpp-cpu", named: true},
		"a family":                      {flags: config.Flags{"family": "onnx"}, key: "onnx-cpu", named: true},
		"a family is stronger":          {files: map[string]string{"config.json": llama}, flags: config.Flags{"family": "vllm"}, key: "vllm-cpu", named: true},
		"a key":                         {flags: config.Flags{"env_key": "torch-cu121-transformers-bnb"}, key: "torch-cu121-transformers-bnb", exact: true, named: true},
		"a key of another shape":        {flags: config.Flags{"env_key": "tf-stable"}, key: "tf-stable", exact: true, named: true},
		"a key that the user describes": {files: map[string]string{"modelrun.toml": ownEnvs}, flags: config.Flags{"env_key": "mine"}, key: "mine", exact: true, mine: true, named: true},
		"a need that the key includes":  {files: map[string]string{"modelrun.toml": ownEnvs}, flags: config.Flags{"env_key": "mine", "with": "rich\n"}, key: "mine", exact: true, mine: true, named: true},
		"a need beyond the key":         {flags: config.Flags{"family": "onnx", "with": "rich>=13\n"}, key: "onnx-cpu--x-146f37bb", base: "onnx-cpu", named: true},
		"a need for a marker not of us": {flags: config.Flags{"family": "onnx", "with": "rich; sys_platform == 'plan9'\n"}, key: "onnx-cpu", named: true},
		"the same need, spelled apart":  {flags: config.Flags{"family": "onnx", "with": "rich >= 13\n"}, key: "onnx-cpu--x-146f37bb", base: "onnx-cpu", named: true},
		"a companion of torch":          {files: map[string]string{"root/profiles/mine.json": withoutAudio}, flags: config.Flags{"family": "transformers", "with": "torchvision\n"}, key: "torch-cpu-transformers5", named: true},
		"one that the profile lacks":    {files: map[string]string{"root/profiles/mine.json": withoutAudio}, flags: config.Flags{"family": "transformers", "with": "torchaudio\n"}, key: "torch-cpu-transformers5--x-b58af167", base: "torch-cpu-transformers5", named: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target, req, err := finder(t, c.files, c.flags).Request(t.Context())
			require.NoError(t, err)
			require.Equal(t, c.key, req.Key)
			if c.base == "" {
				c.base = c.key
			}
			require.Equal(t, c.base, req.Base)
			require.Equal(t, []bool{c.exact, c.mine, c.named}, []bool{req.Exact, req.Own != "", req.Named})
			require.Equal(t, target.Key, req.Key)
			require.False(t, req.CUDA)
		})
	}
}

// TestRequestErrors checks that bad words are refused with the nearest good one.
func TestRequestErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		flags config.Flags
		code  fault.Code
		hint  string
	}{
		"family":        {config.Flags{"family": "transformerz"}, fault.BadConfig, `did you mean "transformers"?`},
		"key":           {config.Flags{"env_key": "../x"}, fault.BadKey, ""},
		"profile":       {config.Flags{"profile": "cuda_cu12"}, fault.BadProfile, "did you mean --profile cuda_cu1"},
		"GPU":           {config.Flags{"require_gpu": "true"}, fault.NoGPU, "nvidia-smi"},
		"missing model": {config.Flags{"model": "nowhere/at/all"}, fault.BadModel, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := finder(t, nil, c.flags).Request(t.Context())
			require.Equal(t, c.code, fault.CodeOf(err), err)
			require.Contains(t, fault.RemedyOf(err), c.hint)
		})
	}
}

// TestPlan checks that a plan has the key and the needs of its target.
func TestPlan(t *testing.T) {
	t.Parallel()
	f := finder(t, nil, config.Flags{"family": "onnx", "with": "rich>=13\n"})
	target, req, err := f.Request(t.Context())
	require.NoError(t, err)
	plan, err := f.Plan(t.Context(), target)
	require.NoError(t, err)
	require.Equal(t, req.Key, plan.Key)
	require.Equal(t, []string{"rich>=13"}, requirement.Strings(plan.Extras))

	f = finder(t, nil, config.Flags{"env_key": "torch-cpu-transformerz"})
	target, _, err = f.Request(t.Context())
	require.NoError(t, err)
	_, err = f.Plan(t.Context(), target)
	require.Equal(t, fault.BadKey, fault.CodeOf(err))
	require.Contains(t, fault.RemedyOf(err), "did you mean --env torch-cpu-transformers?")
}

// TestHints checks that a pasted command finds the same root and key.
func TestHints(t *testing.T) {
	t.Parallel()
	f := finder(t, map[string]string{"my model/config.json": llama}, config.Flags{"model": "my model", "profile": "cpu"})
	target, req, err := f.Request(t.Context())
	require.NoError(t, err)
	root := fault.Quote(f.Config.String("root"))
	require.Equal(t, " --root "+root, f.RootOption())
	require.Equal(t, fault.Quote("my model")+" --profile cpu", f.ModelName(target))
	require.Equal(t, "modelrun --root "+root+" -m "+fault.Quote("my model")+" --profile cpu -- ", Before(req))
}
