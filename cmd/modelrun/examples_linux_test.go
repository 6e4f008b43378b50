package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx/execxtest"
)

// realStack is a root with real packages from the real index, and a copy of the
// examples that use it.
type realStack struct {
	examples string
	root     string
}

// newRealStack makes an empty root. The root is the folder of the one example that
// describes its own env, because that env counts only in a root inside its project.
func newRealStack(t *testing.T) *realStack {
	t.Helper()
	s := &realStack{examples: filepath.Join(t.TempDir(), "examples")}
	s.root = filepath.Join(s.examples, "root")
	from := os.DirFS("../../examples")
	require.NoError(t, fs.WalkDir(from, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == ".envs": // left by a user who tried the example
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(s.examples, path), 0o755)
		}
		data, err := fs.ReadFile(from, path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(s.examples, path), data, 0o600)
	}))
	return s
}

func (s *realStack) environ() []string {
	return append(execxtest.Online(), "MODELRUN_ROOT="+s.root, "TEST_E2E=", "PATH="+searchPath())
}

// run runs a command, which must succeed, in the folder of the examples.
func (s *realStack) run(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	return s.in(t, s.examples, args...)
}

func (s *realStack) in(t *testing.T, dir string, args ...string) (stdout, stderr string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, s.environ()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	began := time.Now()
	err := cmd.Run()
	t.Logf("%s (%s)\n%s%s", strings.Join(args, " "), time.Since(began).Round(time.Millisecond), errs.String(), out.String())
	require.NoError(t, err)
	return out.String(), errs.String()
}

// envs returns the keys of the existing envs.
func (s *realStack) envs(t *testing.T) (keys []string) {
	t.Helper()
	seals, err := filepath.Glob(filepath.Join(s.root, ".envs", "*", "READY.json"))
	require.NoError(t, err)
	for _, seal := range seals {
		keys = append(keys, filepath.Base(filepath.Dir(seal)))
	}
	return keys
}

// alice is the text with which the model of examples/tiny-llm continues "Alice
// was".
const alice = "Alice was beginning to get very tired"

// aliceWas is the whole line.
const aliceWas = alice + " of sitting by her sister on the bank, and of having nothing to do: once"

// kind is an example of one kind of model.
type kind struct {
	example string
	env     string   // a pattern for the key of the env that the first start makes, "" if tiny-llm's serves
	says    string   // the line that load_model.py prints
	make    []string // the options for make_model.py
	common  bool     // runs in every e2e
}

// kinds are the kinds of models that modelrun serves, except those that have a test of their own below.
var kinds = []kind{
	{
		example: "tiny-sentences", env: `torch-cpu-transformers5--x-[0-9a-f]{8}`, common: true,
		says: "32 numbers a sentence; most like it: Alice was getting very tired.",
		make: []string{"--family", "transformers5", "--with", "sentence-transformers"},
	},
	{
		example: "tiny-diffusers", env: `torch-cpu-diffusers`, common: true,
		says: "DDPMPipeline: a picture of 8 by 8 points in RGB",
		make: []string{"--family", "diffusers"},
	},
	{
		example: "tiny-whisper", env: `ctranslate2-cpu`, common: true,
		says: "faster-whisper: a horn is low, a whistle is high",
		make: []string{"--family", "transformers5", "--with", "faster-whisper"},
	},
	{
		example: "tiny-timm", env: `torch-cpu-transformers5--x-[0-9a-f]{8}`,
		says: "timm: a brick is red, a meadow is green, the sky is blue",
		make: []string{"--family", "transformers5", "--with", "timm"},
	},
	{
		example: "tiny-genai", env: `onnx-cpu--x-[0-9a-f]{8}`,
		says: aliceWas,
		make: []string{"--family", "transformers5", "--with", "onnxruntime-genai", "--with", "onnx-ir", "--with", "onnx"},
	},
	{
		example: "tiny-compressed", env: `torch-cpu-transformers5--x-[0-9a-f]{8}`,
		says: aliceWas,
		make: []string{"--family", "transformers5", "--with", "compressed-tensors"},
	},
	{
		example: "tiny-mxfp4",
		says:    "gpt_oss, torch.bfloat16: " + aliceWas,
		make:    []string{"--family", "transformers5"},
	},
	{
		example: "tiny-openvino", env: `openvino-cpu`,
		says: "xor: 0^0=0 0^1=1 1^0=1 1^1=0",
		make: []string{"--family", "openvino"},
	},
}

// kind checks that the example of a kind works without any option, and that a start with an env that
// is there says nothing. With remake it makes the model again, which must give the same answer.
func (s *realStack) kind(t *testing.T, k kind, remake bool) {
	start := []string{built, "-C", k.example, "--", "python", "load_model.py"}
	out, log := s.run(t, start...)
	require.Equal(t, k.says+"\n", out)
	if k.env != "" {
		require.Regexp(t, `Environment `+k.env+` ready!`, log)
		out, log = s.run(t, start...)
		require.Equal(t, k.says+"\n", out)
	}
	require.NotContains(t, log, "modelrun:", "a start with an env that is there says nothing")
	if !remake {
		return
	}
	s.run(t, append(append([]string{built}, k.make...), "--", "python", filepath.Join(k.example, "make_model.py"))...)
	out, _ = s.run(t, start...)
	require.Equal(t, k.says+"\n", out, "of the model that make_model.py has made")
}

// TestRealStack runs the examples with real packages, beginning with the README's
// first command: real torch and transformers from the real index, installed by a uv
// that modelrun downloads. It downloads about 3 GB, so it runs only if TEST_E2E is
// set. "all" adds the parts that take minutes: more envs with torch, make_model.py of
// the kinds, and a compilation.
func TestRealStack(t *testing.T) {
	e2e := os.Getenv("TEST_E2E")
	if e2e == "" {
		t.Skip("set TEST_E2E=1: it downloads about 3 GB")
	}
	s := newRealStack(t)
	if !t.Run("tiny-llm", s.tinyLLM) {
		return // the other examples need its env
	}
	t.Run("tiny-onnx", s.tinyONNX)
	t.Run("tiny-lora", s.tinyLoRA)
	t.Run("tiny-ministral3", s.tinyMinistral3)
	t.Run("two-models", s.twoModels)
	t.Run("server", s.server)
	for _, k := range kinds {
		if k.common || e2e == "all" {
			t.Run(k.example, func(t *testing.T) { s.kind(t, k, e2e == "all") })
		}
	}
	if e2e != "all" {
		return
	}
	t.Run("tiny-code", s.tinyCode)
	t.Run("tiny-bnb", s.tinyBnb)
	t.Run("embeddings", s.embeddings)
	t.Run("tiny-gguf", s.tinyGGUF)
}

func (s *realStack) tinyLLM(t *testing.T) {
	out, log := s.in(t, "../..", "go", "run", "./cmd/modelrun", "-C", "examples/tiny-llm", "--", "python", "load_model.py")
	require.Contains(t, out, alice)
	require.Contains(t, log, "Environment torch-cpu-transformers5 ready!")

	out, log = s.run(t, built, "-C", "tiny-llm", "--", "python", "load_model.py")
	require.Contains(t, out, alice)
	require.NotContains(t, log, "modelrun:", "the second start says nothing")

	// A second model in another folder with the same needs uses the same env.
	second := filepath.Join(t.TempDir(), "another model")
	require.NoError(t, os.CopyFS(second, os.DirFS("../../examples/tiny-llm")))
	out, log = s.run(t, built, "-C", second, "--", "python", "load_model.py", "So she was")
	require.Contains(t, out, "So she was")
	require.NotContains(t, log, "modelrun:")
	require.Equal(t, []string{"torch-cpu-transformers5"}, s.envs(t))
	require.NotEmpty(t, everyScript(t, filepath.Join(s.root, ".envs", "torch-cpu-transformers5", ".venv", "bin")))
}

func (s *realStack) tinyONNX(t *testing.T) {
	out, _ := s.run(t, built, "-C", "tiny-onnx", "--", "python", "load_model.py")
	require.Equal(t, "xor: 0^0=0 0^1=1 1^0=1 1^1=0\n", out)
	require.NotEmpty(t, everyScript(t, filepath.Join(s.root, ".envs", "onnx-cpu", ".venv", "bin")))
}

// tinyLoRA checks an adapter whose base model is in another folder. It uses the env
// of the base model.
func (s *realStack) tinyLoRA(t *testing.T) {
	before := s.envs(t)
	out, log := s.run(t, built, "-C", "tiny-lora", "--", "python", "load_model.py")
	require.Equal(t, "'Twas brillig, and the slithy toves\nDid gyre and gimble in the wabe;\nAll mimsy were the borogoves,\nAnd the mome raths outgrabe.\n", out)
	require.NotContains(t, log, "modelrun:")
	require.Equal(t, before, s.envs(t))
}

// twas is the first line that the adapters of the examples know.
const twas = "'Twas brillig, and the slithy toves\n"

// tinyMinistral3 checks a model whose type only transformers 5 knows, and an adapter
// for it.
func (s *realStack) tinyMinistral3(t *testing.T) {
	before := s.envs(t)
	for _, args := range [][]string{
		{"-C", "tiny-ministral3", "--", "python", "load_model.py"},
		{"-m", "tiny-ministral3/lora", "--", "python", "tiny-ministral3/load_model.py"},
	} {
		out, log := s.run(t, append([]string{built}, args...)...)
		require.Contains(t, out, "ministral3 in transformers 5\n"+alice)
		require.True(t, strings.HasSuffix(out, twas), out)
		require.NotContains(t, log, "modelrun:")
	}
	require.Equal(t, before, s.envs(t))
}

// tinyCode checks a model with its own code, which works with transformers 4 only,
// and an adapter for it. Beside the env of line 5 that of line 4 is small, because
// both have the same torch.
func (s *realStack) tinyCode(t *testing.T) {
	out, log := s.run(t, built, "-C", "tiny-code", "--", "python", "load_model.py")
	require.Contains(t, out, "tiny_code in transformers 4\n"+alice)
	require.True(t, strings.HasSuffix(out, twas), out)
	require.Contains(t, log, "Environment torch-cpu-transformers ready!")
	out, log = s.run(t, built, "-m", "tiny-code/lora", "--", "python", "tiny-code/load_model.py")
	require.True(t, strings.HasSuffix(out, twas), out)
	require.NotContains(t, log, "modelrun:")

	cmd := exec.CommandContext(t.Context(), built, "--family", "transformers5", "-m", "tiny-code", "--", "python", "tiny-code/load_model.py")
	cmd.Dir, cmd.Env = s.examples, s.environ()
	text, err := cmd.CombinedOutput()
	require.Error(t, err, "the example must show a difference between the lines")
	require.Contains(t, string(text), "is_torch_fx_available")
}

// twoModels checks that a program starts workers in its own env and other models in
// theirs.
func (s *realStack) twoModels(t *testing.T) {
	out, log := s.run(t, built, "-C", "two-models", "--", "python", "start.py")
	onnx, torch := filepath.Join(s.root, ".envs", "onnx-cpu", ".venv"), filepath.Join(s.root, ".envs", "torch-cpu-transformers5", ".venv")
	lines := strings.Split(out, "\n")
	require.Len(t, lines, 8)
	require.Equal(t, "this program: onnx-cpu "+onnx, lines[0])
	require.Contains(t, lines[1], "worker 0: "+onnx+", onnxruntime 1.")
	require.Contains(t, lines[2], "worker 1: "+onnx+", onnxruntime 1.")
	require.Equal(t, "tiny-llm: torch-cpu-transformers5 "+torch, lines[3])
	require.Contains(t, lines[4], "tiny-llm: "+alice)
	require.Equal(t, "tiny-onnx: onnx-cpu "+onnx, lines[5])
	require.Equal(t, "tiny-onnx: xor: 0^0=0 0^1=1 1^0=1 1^1=0", lines[6])
	require.NotContains(t, log, "modelrun:")
}

// tinyBnb checks bitsandbytes 0.49, which works without a GPU.
func (s *realStack) tinyBnb(t *testing.T) {
	out, log := s.run(t, built, "-C", "tiny-bnb", "--", "python", "load_model.py")
	require.Contains(t, out, alice)
	require.Contains(t, out, "106,816 weights in 90,784 bytes on cpu")
	require.Contains(t, log, "Environment torch-cpu-transformers5-bnb ready!")
}

func (s *realStack) embeddings(t *testing.T) {
	out, log := s.run(t, built, "embeddings/load_model.py")
	require.Regexp(t, `^A man is eating food\.\n  0\.\d\d  Someone has a meal\.\n`, out)
	require.Regexp(t, `Environment torch-cpu-transformers5--x-[0-9a-f]{8} ready!`, log)
}

// tinyGGUF checks llama.cpp. It is compiled if the index of wheels cannot be
// reached.
func (s *realStack) tinyGGUF(t *testing.T) {
	out, log := s.run(t, built, "-C", "tiny-gguf", "--", "python", "load_model.py")
	require.Contains(t, out, alice)
	require.Contains(t, log, "Environment llamacpp-cpu ready!")
	out, log = s.run(t, built, "-C", "tiny-gguf", "--", "python", "load_model.py", "So she was")
	require.Contains(t, out, "So she was considering in her own mind")
	require.NotContains(t, log, "modelrun:")
}

// everyScript starts every console script of an env from its final path. The script
// may answer --help in any way. Its python must be found, and its package must be
// importable.
func everyScript(t *testing.T, bin string) (started []string) {
	t.Helper()
	entries, err := os.ReadDir(bin)
	require.NoError(t, err)
	for _, e := range entries {
		head, err := os.ReadFile(filepath.Join(bin, e.Name()))
		if err != nil || !bytes.HasPrefix(head, []byte("#!")) || strings.HasPrefix(e.Name(), "activate") {
			continue
		}
		cmd := exec.CommandContext(t.Context(), filepath.Join(bin, e.Name()), "--help")
		out, _ := cmd.CombinedOutput() // some do not support --help
		code := cmd.ProcessState.ExitCode()
		require.NotContains(t, []int{126, 127}, code, "%s\n%s", e.Name(), out)
		require.NotContains(t, string(out), filepath.Join(".envs", ".tmp"), e.Name())
		require.NotContains(t, string(out), "bad interpreter", e.Name())
		started = append(started, e.Name())
	}
	return started
}
