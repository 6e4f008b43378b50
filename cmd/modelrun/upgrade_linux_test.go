package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx/execxtest"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/uv/uvtest"
)

// earlier is the last commit whose profiles had one line of transformers.
const earlier = "18bc6dc155b59cd2cd4fda728e654997915d1a72"

// upgrading is a machine on which modelrun is replaced by a newer one.
type upgrading struct {
	dir     string   // holds everything
	bin     string   // the program: first the earlier one
	index   string   // the folder of the index
	starts  string   // has the pid of each python of an env that was started
	install []string // the variables with which envs can be created
}

// newUpgrading makes a machine with the earlier modelrun, an index that has what its
// profiles pin, and no env.
func newUpgrading(t *testing.T) *upgrading {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	u := &upgrading{dir: dir, bin: filepath.Join(dir, "bin", "modelrun"), index: filepath.Join(dir, "index"), starts: filepath.Join(dir, "starts")}
	source := u.earlier(t)
	ix := uvtest.NewIndex(t, u.index)
	files, err := filepath.Glob(filepath.Join(source, "resolve", "profile", "embedded", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var profiles []profile.Profile
	for _, file := range files {
		p, err := profile.Load(file)
		require.NoError(t, err)
		profiles = append(profiles, p)
	}
	for _, w := range wheels(t, profiles...) {
		ix.Add(w)
	}
	pip := smallPip()
	pip.Files["starts.pth"] = "import os; os.environ.get('STARTS') and open(os.environ['STARTS'], 'a').write('%d\\n' % os.getpid())\n"
	ix.Add(pip)
	u.install = []string{"MODELRUN_UV=" + uvtest.Path(t), "UV_PYTHON_DOWNLOADS=never", "MODELRUN_INDEX_DEFAULT=" + ix.URL(), "MODELRUN_INDEX_TORCH=" + ix.URL()}
	return u
}

// earlier builds the earlier modelrun, and returns its source.
func (u *upgrading) earlier(t *testing.T) (source string) {
	t.Helper()
	source = filepath.Join(u.dir, "source")
	require.NoError(t, os.MkdirAll(source, 0o755))
	archive := filepath.Join(u.dir, "source.tar")
	if out, err := exec.Command("git", "-C", "../..", "archive", "-o", archive, earlier).CombinedOutput(); err != nil {
		execxtest.Missing(t, "the history has no commit %s: %s", earlier[:7], out)
	}
	for _, words := range [][]string{{"tar", "-xf", archive}, {"go", "build", "-buildvcs=false", "-o", u.bin, "./cmd/modelrun"}} {
		c := exec.Command(words[0], words[1:]...) //nolint:gosec // our own words
		c.Dir = source
		out, err := c.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	return source
}

// upgrade replaces the program.
func (u *upgrading) upgrade(t *testing.T) {
	t.Helper()
	program, err := os.ReadFile(built)
	require.NoError(t, err)
	require.NoError(t, os.Remove(u.bin))
	require.NoError(t, execxtest.Write(u.bin, program))
}

// user is a user of that machine, with a home and a root.
type user struct {
	*upgrading
	*sandbox
}

// newUser makes a user. files are below the user's folder.
func (u *upgrading) newUser(t *testing.T, name string, files map[string]string) user {
	t.Helper()
	s := &sandbox{dir: filepath.Join(u.dir, name), bin: u.bin}
	s.root, s.model = envdir.Root(filepath.Join(s.dir, "root")), s.dir
	for path, text := range files {
		require.NoError(t, execxtest.Write(filepath.Join(s.dir, path), []byte(text)))
	}
	env, err := callerEnv(s.dir)
	require.NoError(t, err)
	s.env = append(append(env, u.install...), "STARTS="+u.starts)
	return user{u, s}
}

// ok runs a command, which must succeed.
func (u user) ok(t *testing.T, args ...string) ran {
	t.Helper()
	r := u.run(t, args...)
	require.Zero(t, r.code, "%v: %s", args, r)
	return r
}

// say is the program that is started. It prints its env.
var say = []string{"--", "python", "-c", "import os, sys; print(sys.prefix, os.environ.get('MODELRUN_ACTIVE_KEY'))"}

// old makes an old env, from before there were shared ones, for a model's folder.
func (u user) old(t *testing.T, model string, packages ...string) {
	t.Helper()
	venv := u.root.Old(envdir.LocalID(filepath.Join(u.dir(), model))).Venv()
	for _, args := range [][]string{
		{"venv", "-q", "--no-project", venv},
		append([]string{"pip", "install", "-q", "--no-deps", "--no-index", "--find-links", filepath.Join(u.index, "wheels"), "--python", venv, "pip"}, packages...),
	} {
		c := exec.Command(uvtest.Path(t), args...) //nolint:gosec // our own words
		c.Env = append(os.Environ(), "UV_CACHE_DIR="+filepath.Join(u.upgrading.dir, "uv-cache"), "UV_PYTHON_DOWNLOADS=never")
		out, err := c.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
}

func (u user) dir() string { return u.sandbox.dir }

// answers are what a user sees of modelrun, and the user's files after that.
type answers struct {
	starts, which map[string]ran // by the words of the command
	list          []listed
	launchers     []ran
	files         []string
}

// listed is an env as list --json prints it.
type listed struct {
	Key, State, Reason string
	Code               string `json:"reason_code"`
}

// ask starts each program and asks everything that can be asked about it. doctor must find nothing.
func (u user) ask(t *testing.T, starts [][]string) answers {
	t.Helper()
	a := answers{starts: map[string]ran{}, which: map[string]ran{}}
	for _, words := range starts {
		name := strings.Join(words, " ")
		a.starts[name], a.which[name] = u.ok(t, slices.Concat(words, say)...), u.ok(t, append([]string{"which"}, words...)...)
		u.ok(t, append([]string{"explain"}, words...)...)
	}
	var list struct{ Envs []listed }
	require.NoError(t, json.Unmarshal([]byte(u.ok(t, "list", "--json").out), &list))
	require.NotEmpty(t, list.Envs)
	a.list, a.launchers = list.Envs, []ran{u.ok(t, "launcher", "list"), u.ok(t, "launcher", "check")}
	a.files = u.files(t)
	u.ok(t, "doctor") // it tries the locks, so the time of their folder changes
	return a
}

// files returns every file of the user with its content, mode and time.
func (u user) files(t *testing.T) []string {
	t.Helper()
	return strings.Split(photo(t, u.dir()), "\n")
}

// requireSame compares files, and reports only those that differ.
func requireSame(t *testing.T, want, got []string) {
	t.Helper()
	only := func(a, b []string) []string {
		return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
	}
	if !slices.Equal(want, got) {
		t.Fatalf("changed:\n- %s\n+ %s", strings.Join(only(want, got), "\n- "), strings.Join(only(got, want), "\n+ "))
	}
}

// upgraded is a user with the programs that the user starts.
type upgraded struct {
	user
	starts [][]string
	before answers
}

// users makes three users with models: one without a GPU, one with a GPU and the
// app's profiles, and one with old envs.
func (u *upgrading) users(t *testing.T) (cpu, gpu, app upgraded) {
	t.Helper()
	llama := `{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "torch_dtype": "float16"`
	cpu.user = u.newUser(t, "cpu", map[string]string{
		"llama/config.json":        llama + `, "transformers_version": "4.57.6"}`,
		"plain/config.json":        llama + `}`,
		"bare/config.json":         `{"model_type": "llama"}`,
		"code/config.json":         llama + `, "auto_map": {"AutoConfig": "configuration_code.CodeConfig"}}`,
		"unsure/config.json":       llama + `, "transformers_version": null}`,
		"bnb/config.json":          llama + `, "quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": true}}`,
		"lora/adapter_config.json": `{"peft_type": "LORA", "base_model_name_or_path": "org/cached"}`,
		"onnx/model.onnx":          "",
		"a.gguf":                   "GGUF",
		"empty/none":               "",
		"home/.cache/huggingface/hub/models--org--cached/refs/main":                  "0123",
		"home/.cache/huggingface/hub/models--org--cached/snapshots/0123/config.json": llama + `, "transformers_version": "4.40.0"}`,
		"home/.config/modelrun/config.toml":                                          "[envs.my-key]\npackages = ['extra-thing']\nimports = ['extra_thing']\n",
	})
	for _, model := range []string{"llama", "plain", "bare", "code", "unsure", "bnb", "lora", "onnx", "a.gguf", "org/cached", "org/not-cached"} {
		cpu.starts = append(cpu.starts, []string{"-m", model})
	}
	cpu.starts = append(cpu.starts,
		[]string{"--family", "transformers"}, []string{"--family", "transformers", "-m", "llama"}, []string{"-e", "torch-cpu-transformers"},
		[]string{"-C", "empty"}, []string{"-e", "my-key"}, []string{"-m", "onnx", "--with", "extra-thing"}, []string{"-m", "llama", "--with", "transformers"})

	gpu.user = u.newUser(t, "gpu", map[string]string{"llama/config.json": llama + `}`})
	for path, text := range machine("535.104.05", card{"NVIDIA GeForce RTX 3090", "8.6", "24576"}) {
		require.NoError(t, execxtest.Write(filepath.Join(gpu.dir(), "hardware", path), []byte(text)))
	}
	require.NoError(t, os.CopyFS(filepath.Join(string(gpu.root), "profiles"), os.DirFS(originDir(t))))
	gpu.starts = [][]string{{"-m", "llama"}, {"--family", "transformers"}, {"-C", "llama"}}

	app.user = u.newUser(t, "app", map[string]string{"llama/config.json": llama + `}`, "onnx/model.onnx": ""})
	app.old(t, "llama", "torch", "transformers==4.57.6", "accelerate")
	app.old(t, "onnx", "onnxruntime")
	app.starts = [][]string{{"-m", "llama"}, {"-m", "onnx"}}
	return cpu, gpu, app
}

// TestUpgrade lets the earlier modelrun make roots, and replaces it. Every start then
// uses the same env, prints the same and writes nothing. It needs no uv, no index and
// no check. doctor finds nothing.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	u := newUpgrading(t)
	cpu, gpu, app := u.users(t)
	app.ok(t, "migrate", "onnx", "--yes")
	cpu.ok(t, "launcher", "add", "chat", "-m", "llama", "--", "python", "-c", "pass")
	all := []*upgraded{&cpu, &gpu, &app}
	for _, a := range all {
		for range 2 { // the second start notes nothing for the first time
			for _, words := range a.starts {
				a.ok(t, slices.Concat(words, say)...)
			}
		}
		a.before = a.ask(t, a.starts)
		a.before.files = a.files(t)
	}

	u.upgrade(t)
	for _, a := range all {
		after := a.ask(t, a.starts)
		requireSame(t, a.before.files, after.files)
		after.files = a.before.files
		require.Equal(t, a.before, after)
	}

	// Without uv and index, and with one start of python for each program.
	require.NoError(t, os.Rename(u.index, u.index+"-gone"))
	trap := filepath.Join(u.dir, "uv-trap")
	require.NoError(t, execxtest.Write(trap, []byte("#!/bin/sh\necho uv >>\"$STARTS\"\nexit 1\n")))
	for _, a := range all {
		a.set("MODELRUN_UV=" + trap)
		files := a.files(t)
		for _, words := range a.starts {
			require.NoError(t, os.RemoveAll(u.starts))
			require.Equal(t, a.before.starts[strings.Join(words, " ")], a.ok(t, slices.Concat(words, say)...), words)
			log, err := os.ReadFile(u.starts)
			require.NoError(t, err)
			pids := slices.Compact(strings.Fields(string(log))) // site reads a .pth file of a venv twice
			require.Len(t, pids, 1, "%v: more than the program was started: %v", words, pids)
		}
		requireSame(t, files, a.files(t))
	}

	// What the earlier one moved away, the newer one moves back.
	app.ok(t, "migrate", "--undo", "onnx", "--yes")
	require.DirExists(t, app.root.Old(envdir.LocalID(filepath.Join(app.dir(), "onnx"))).Venv())
}
