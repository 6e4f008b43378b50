package need

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
)

// tree creates files below a new resolved folder. A name that ends in / is a
// folder.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		if strings.HasSuffix(name, "/") {
			require.NoError(t, os.MkdirAll(path, 0o755))
			continue
		}
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return dir
}

func quantised(quant string) string {
	return `{"model_type":"llama","quantization_config":` + quant + `}`
}

func nested(n int) string {
	return `{"model_type":"llama","x":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`
}

// plain is the config of a model without anything special.
const plain = `{"model_type":"llama"}`

func adapterOf(base string) string { return `{"base_model_name_or_path":"` + base + `"}` }

// TestOf runs cases that consist of a tree, a name relative to it, and the expected
// result.
func TestOf(t *testing.T) {
	t.Parallel()
	type files = map[string]string
	cases := map[string]struct {
		files  files
		name   string
		family string // --family
		want   Model  // Name and an empty Path are filled in
		path   string
		note   string
		code   fault.Code
		err    string
	}{
		"gguf folder":                 {files: files{"m/a.GGUF": ""}, name: "m", want: Model{Family: "llamacpp"}},
		"gguf with its config":        {files: files{"m/a.gguf": "", "m/config.json": "{"}, name: "m", want: Model{Family: "llamacpp"}},
		"onnx folder":                 {files: files{"m/model.onnx": "", "m/config.json": plain}, name: "./m", want: Model{Family: "onnx"}},
		"plain config":                {files: files{"m/config.json": `{"model_type":"llama"}`}, name: "m/", want: Model{Family: "transformers", Type: "llama"}},
		"unicode and spaces":          {files: files{"mein Modell ü 模型/config.json": plain}, name: "mein Modell ü 模型", want: Model{Family: "transformers"}},
		"an onnx sub-folder":          {files: files{"m/config.json": plain, "m/model.safetensors": "", "m/onnx/model.onnx": "", "m/g/a.gguf": ""}, name: "m", want: Model{Family: "transformers"}},
		"a folder called x.gguf":      {files: files{"m/config.json": plain, "m/x.gguf/": ""}, name: "m", want: Model{Family: "transformers"}},
		"macOS's shadow files":        {files: files{"m/config.json": plain, "m/._x.gguf": ""}, name: "m", want: Model{Family: "transformers"}},
		"gguf file":                   {files: files{"m/a.gguf": "GGUF\x03"}, name: "m/a.gguf", want: Model{Family: "llamacpp"}},
		"gguf file beside weights":    {files: files{"m/a.gguf": "GGUF\x03", "m/a.safetensors": ""}, name: "m/a.gguf", want: Model{Family: "llamacpp"}},
		"onnx file":                   {files: files{"a.onnx": ""}, name: "a.onnx", want: Model{Family: "onnx"}},
		"safetensors file, quantised": {files: files{"a.safetensors": "", "config.json": quantised(`{"quant_method":"bitsandbytes"}`)}, name: "a.safetensors", want: Model{Family: "transformers", Type: "llama"}},
		"bitsandbytes":                {files: files{"m/config.json": quantised(`{"quant_method":"bitsandbytes"}`)}, name: "m", want: Model{Family: "transformers", Type: "llama"}},
		"bitsandbytes, spelt":         {files: files{"m/config.json": quantised(`{"quant_method":"BITSANDBYTES_4bit"}`)}, name: "m", want: Model{Family: "transformers", Type: "llama"}},
		"load_in_4bit":                {files: files{"m/config.json": quantised(`{"load_in_4bit":true}`)}, name: "m", want: Model{Family: "transformers", Type: "llama"}},
		"_load_in_8bit":               {files: files{"m/config.json": quantised(`{"_load_in_8bit":true,"load_in_4bit":false}`)}, name: "m", want: Model{Family: "transformers", Type: "llama"}},
		"load_in_4bit is false":       {files: files{"m/config.json": quantised(`{"load_in_4bit":false}`)}, name: "m", want: Model{Family: "transformers", Type: "llama"}},
		"no quantisation":             {files: files{"m/config.json": quantised(`null`)}, name: "m", want: Model{Family: "transformers", Type: "llama"}},
		"Python's Infinity":           {files: files{"m/config.json": `{"a":[0.0,-Infinity,NaN],"b":"\"NaN","quantization_config":{"load_in_8bit":true}}`}, name: "m", want: Model{Family: "transformers"}},
		"a BOM":                       {files: files{"m/config.json": "\xEF\xBB\xBF" + plain}, name: "m", want: Model{Family: "transformers"}},
		"nested, but not too deep":    {files: files{"m/config.json": nested(5000)}, name: "m", want: Model{Family: "transformers"}},
		"nothing, but --family":       {files: files{"m/x": ""}, name: "m", family: "vllm", want: Model{Family: "vllm"}},
		"two kinds, but --family":     {files: files{"m/a.gguf": "", "m/a.safetensors": ""}, name: "m", family: "llamacpp", want: Model{Family: "llamacpp"}},
		"two kinds, the other":        {files: files{"m/a.gguf": "", "m/a.safetensors": "", "m/config.json": quantised(`{"load_in_4bit":true}`)}, name: "m", family: "transformers", want: Model{Family: "transformers", Type: "llama"}},
		"gguf asks nothing of quant":  {files: files{"m/a.gguf": "", "m/config.json": quantised(`{"quant_method":"gptq"}`)}, name: "m", family: "llamacpp", want: Model{Family: "llamacpp"}},
		"unknown file, but --family":  {files: files{"m.pt": ""}, name: "m.pt", family: "transformers", want: Model{Family: "transformers"}},

		"two kinds":                {files: files{"m/a.gguf": "", "m/a.safetensors": ""}, name: "m", code: fault.BadModel, err: "a.gguf and a.safetensors"},
		"onnx and weights":         {files: files{"m/a.onnx": "", "m/a.safetensors": ""}, name: "m", code: fault.BadModel, err: "a.onnx and a.safetensors"},
		"an empty folder":          {files: files{"m/": ""}, name: "m", code: fault.BadModel, err: "holds no *.gguf"},
		"weights alone":            {files: files{"m/pytorch_model-00001.bin": ""}, name: "m", code: fault.BadModel, err: "does not say what wrote it; there is no model card"},
		"a safetensors file alone": {files: files{"a.safetensors": ""}, name: "a.safetensors", code: fault.BadModel, err: "a.safetensors does not show what it needs"},
		"a config of another tool": {files: files{"m/config.json": `{"in_ch":3}`, "m/model.safetensors": ""}, name: "m", code: fault.BadModel, err: "config.json has no model_type"},
		"not JSON, with the line":  {files: files{"m/config.json": "{\n\"a\": 1,\n oops}"}, name: "m", code: fault.BadModel, err: "config.json:3: not JSON"},
		"cut off":                  {files: files{"m/config.json": "{\n\"a\": [Infinity"}, name: "m", code: fault.BadModel, err: "config.json:2: not JSON"},
		"an empty config":          {files: files{"m/config.json": ""}, name: "m", code: fault.BadModel, err: "config.json:1: not JSON"},
		"a list":                   {files: files{"m/config.json": "[]"}, name: "m", code: fault.BadModel, err: "not a JSON object"},
		"null":                     {files: files{"m/config.json": " null"}, name: "m", code: fault.BadModel, err: "not a JSON object"},
		"too deep":                 {files: files{"m/config.json": nested(20000)}, name: "m", code: fault.BadModel, err: "not JSON"},
		"quantisation is a list":   {files: files{"m/config.json": quantised(`[]`)}, name: "m", code: fault.BadModel, err: "not an object"},
		"quant_method is a number": {files: files{"m/config.json": quantised(`{"quant_method":4}`)}, name: "m", code: fault.BadModel, err: "not a string"},
		"quant_method is a text":   {files: files{"m/config.json": quantised(`{"quant_method":"` + strings.Repeat("a", 41) + `"}`)}, name: "m", code: fault.BadModel, err: "longer"},
		"the base is a number":     {files: files{"m/a.safetensors": "", "m/adapter_config.json": `{"base_model_name_or_path":4}`}, name: "m", code: fault.BadModel, err: "base_model_name_or_path is a number"},
		"a gguf that is none":      {files: files{"a.gguf": "ggml"}, name: "a.gguf", code: fault.BadModel, err: "does not begin with GGUF"},
		"a Git LFS pointer":        {files: files{"a.gguf": "version https://git-lfs.github.com/spec/v1\n"}, name: "a.gguf", code: fault.BadModel, err: "Git LFS"},
		"an unknown file":          {files: files{"a.txt": ""}, name: "a.txt", code: fault.BadModel, err: "not a model file"},
		"no such path":             {name: "./m", code: fault.BadModel, err: "m: no such file"},
		"no such gguf":             {name: "org/a.gguf", code: fault.BadModel, err: "no such file"},
		"home":                     {name: "~/m", code: fault.BadModel, err: filepath.FromSlash("~/m")},
		"a plain word":             {name: "llama", code: fault.BadModel, err: "llama: no such file"},
		"a deep path":              {name: "a/b/c", code: fault.BadModel, err: "no such file"},
		"an address":               {name: "https://example.org/a/b", code: fault.BadModel, err: "no such file"},
		"org is a folder here":     {files: files{"org/x": ""}, name: "org/name", code: fault.BadModel, err: "no such file"},
		"empty":                    {name: " ", code: fault.BadModel, err: "empty"},
		"NUL":                      {name: "a\x00b", code: fault.BadModel, err: "NUL"},
		"a name without end":       {name: strings.Repeat("x/", 4000), code: fault.BadModel, err: "longer"},
		"a line break":             {name: "./a\nb", code: fault.BadModel, err: `a\nb`},

		"adapter, base beside it": {files: files{"m/lora/adapter_config.json": adapterOf("../base"), "m/base/config.json": quantised(`{"load_in_4bit":true}`)}, name: "m/lora",
			want: Model{Family: "transformers", Type: "llama"}},
		"adapter, base in cwd": {files: files{"lora/adapter_config.json": adapterOf("models/base"), "models/base/config.json": quantised(`{"load_in_4bit":true}`)}, name: "lora",
			want: Model{Family: "transformers", Type: "llama"}},
		"adapter, base in the hub": {files: files{"lora/adapter_config.json": adapterOf("org/name"), "hub/models--org--name/snapshots/r/config.json": quantised(`{"load_in_4bit":true}`)}, name: "lora",
			want: Model{Family: "transformers", Type: "llama"}},
		"adapter wins over config": {files: files{"lora/adapter_config.json": adapterOf("./b"), "lora/config.json": "{", "b/config.json": plain}, name: "lora",
			want: Model{Family: "transformers"}},
		"adapter, base not here":  {files: files{"lora/adapter_config.json": adapterOf("/gone/base")}, name: "lora", want: Model{Family: "transformers"}, note: "/gone/base"},
		"adapter without base":    {files: files{"lora/adapter_config.json": plain}, name: "lora", want: Model{Family: "transformers"}, note: "no base model"},
		"adapter, base is gguf":   {files: files{"lora/adapter_config.json": adapterOf("../b"), "b/x.gguf": ""}, name: "lora", want: Model{Family: "transformers"}, note: "no config.json"},
		"adapter of itself":       {files: files{"lora/adapter_config.json": adapterOf(".")}, name: "lora", code: fault.BadModel, err: "without end"},
		"adapters in a circle":    {files: files{"a/adapter_config.json": adapterOf("../b"), "b/adapter_config.json": adapterOf("../a")}, name: "a", code: fault.BadModel, err: "without end"},
		"adapter on adapter":      {files: files{"a/adapter_config.json": adapterOf("../b"), "b/adapter_config.json": adapterOf("../c"), "c/config.json": plain}, name: "a", want: Model{Family: "transformers"}},
		"adapter that is no JSON": {files: files{"a/adapter_config.json": "{\n"}, name: "a", code: fault.BadModel, err: "adapter_config.json:2"},

		"hub, not cached":      {name: "org/name", want: Model{Family: "transformers", Hub: "org/name"}, path: "-", note: "org/name"},
		"hub, not cached, org": {files: files{"org": "a file"}, name: "org/name", want: Model{Family: "transformers", Hub: "org/name"}, path: "-", note: "org/name"},
		"hub, says gguf":       {name: "org/name-Q4-GGUF", want: Model{Family: "llamacpp", Hub: "org/name-Q4-GGUF"}, path: "-", note: "it counts as gguf, by its name"},
		"hub, says two":        {name: "org/onnx-GGUF", code: fault.BadModel, err: "its name says gguf and onnx"},
		"hub, says awq":        {name: "org/name-AWQ", want: Model{Family: "transformers", Hub: "org/name-AWQ"}, path: "-", note: "it counts as transformers with awq, by its name"},
		"hub, says, --family":  {name: "org/name-AWQ", family: "vllm", want: Model{Family: "vllm", Hub: "org/name-AWQ"}, path: "-"},
		"hub, refs/main": {files: files{"hub/models--org--name/refs/main": "bbb\n", "hub/models--org--name/snapshots/aaa/x.gguf": "",
			"hub/models--org--name/snapshots/bbb/config.json": plain, "hub/models--org--name/snapshots/ccc/x.gguf": ""}, name: "org/name",
			want: Model{Family: "transformers", Hub: "org/name"}, path: "hub/models--org--name/snapshots/bbb"},
		"hub, any snapshot": {files: files{"hub/models--org--name/snapshots/aaa/tokenizer.json": "", "hub/models--org--name/snapshots/bbb/x.gguf": ""}, name: "org/name",
			want: Model{Family: "llamacpp", Hub: "org/name"}, path: "hub/models--org--name/snapshots/bbb"},
		"hub, a ref that climbs": {files: files{"hub/models--org--name/refs/main": "../../../../m", "m/x.gguf": "", "hub/models--org--name/snapshots/a/config.json": plain}, name: "org/name",
			want: Model{Family: "transformers", Hub: "org/name"}, path: "hub/models--org--name/snapshots/a"},
		"hub, only a tokenizer": {files: files{"hub/models--org--name/snapshots/aaa/tokenizer.json": ""}, name: "org/name", want: Model{Family: "transformers", Hub: "org/name"}, path: "-", note: "org/name"},
		"hub, no organisation":  {files: files{"hub/models--gpt2/snapshots/a/config.json": plain}, name: "gpt2", want: Model{Family: "transformers", Hub: "gpt2"}, path: "hub/models--gpt2/snapshots/a"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := tree(t, c.files)
			m, err := Of(c.name, Places{Cwd: dir, HubDir: filepath.Join(dir, "hub"), Family: c.family})
			if c.code != "" {
				require.ErrorContains(t, err, c.err)
				require.Equal(t, c.code, fault.CodeOf(err))
				require.NotEmpty(t, fault.RemedyOf(err))
				require.NotContains(t, err.Error(), "\n")
				return
			}
			require.NoError(t, err)
			if c.note == "" {
				require.Empty(t, m.Notes)
			} else {
				require.Len(t, m.Notes, 1)
				require.Contains(t, m.Notes[0], c.note)
			}
			// TestType checks the types, TestKinds the kinds.
			c.want.Name, c.want.Notes, c.want.Type, c.want.Real = c.name, m.Notes, m.Type, m.Real
			c.want.Kind, c.want.Evidence, c.want.Needs, c.want.Quant = m.Kind, m.Evidence, m.Needs, m.Quant
			switch c.path {
			case "":
				c.want.Path = filepath.Join(dir, filepath.FromSlash(c.name))
			case "-":
			default:
				c.want.Path = filepath.Join(dir, filepath.FromSlash(c.path))
			}
			require.Equal(t, c.want, m)
		})
	}
}

// TestOfLargeConfig uses a sparse file, which is fast to create but would be slow
// to read.
func TestOfLargeConfig(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"config.json": plain})
	require.NoError(t, os.Truncate(filepath.Join(dir, "config.json"), 100<<20))
	m, err := Of(dir, Places{Cwd: dir})
	require.ErrorContains(t, err, "5 MiB")
	require.Equal(t, fault.BadModel, fault.CodeOf(err))
	require.Equal(t, dir, m.Path, "--env does without what the files say")
}

func TestOfLinks(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"store/llama 7b/config.json": plain, "blobs/1": `{"quantization_config":{"load_in_4bit":true}}`, "s/x": ""})
	if err := os.Symlink(filepath.Join(dir, "store", "llama 7b"), filepath.Join(dir, "current")); err != nil {
		t.Skip(err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "current")); err != nil {
		t.Skip("Wine makes no symbolic links, and says that it did")
	}
	m, err := Of("current", Places{Cwd: dir})
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, "current"), m.Path)
	require.Equal(t, filepath.Join(dir, "store", "llama 7b"), m.Real)
	require.Equal(t, envdir.LocalID(m.Real), m.OldID())

	// The hub's cache consists of links into blobs.
	require.NoError(t, os.Symlink("../blobs/1", filepath.Join(dir, "s", "config.json")))
	m, err = Of("s", Places{Cwd: dir})
	require.NoError(t, err)
	require.Equal(t, "bitsandbytes", m.Quant)

	require.NoError(t, os.Symlink("nothing", filepath.Join(dir, "dangling")))
	_, err = Of("./dangling", Places{Cwd: dir})
	require.ErrorContains(t, err, "dangling is a link to nothing, which does not exist")

	require.NoError(t, os.Remove(filepath.Join(dir, "blobs", "1")))
	_, err = Of("s", Places{Cwd: dir})
	require.ErrorContains(t, err, filepath.Join("s", "config.json")+" is a link to ../blobs/1, which does not exist")
	require.Equal(t, fault.BadModel, fault.CodeOf(err))

	require.NoError(t, os.Symlink("loop", filepath.Join(dir, "loop")))
	_, err = Of("loop", Places{Cwd: dir})
	require.ErrorContains(t, err, "loop is a link that leads back to itself")
}

func TestOldID(t *testing.T) {
	t.Parallel()
	require.Empty(t, Model{}.OldID())
	require.Equal(t, envdir.ID("org__name"), Model{Hub: "org/name"}.OldID())
	require.Equal(t, envdir.ID("org__name"), Model{Hub: "org/name", Path: "/cache/x"}.OldID(), "the same, cached or not")
	require.Equal(t, envdir.LocalID("/models/llama"), Model{Path: "/link", Real: "/models/llama"}.OldID())
}

func TestHolds(t *testing.T) {
	t.Parallel()
	type files = map[string]string
	cases := map[string]struct {
		files files
		want  bool
	}{
		"nothing":                  {files{}, false},
		"gguf":                     {files{"a.gguf": ""}, true},
		"onnx":                     {files{"a.onnx": ""}, true},
		"adapter":                  {files{"adapter_config.json": ""}, true},
		"model config":             {files{"config.json": `{"model_type":"llama"}`}, true},
		"another program's config": {files{"config.json": `{"port":80}`}, false},
		"no JSON":                  {files{"config.json": "# mine"}, false},
		"no JSON, but weights":     {files{"config.json": "{", "model.safetensors": ""}, true},
		"two kinds":                {files{"a.gguf": "", "a.safetensors": ""}, true},
		"in a sub-folder":          {files{"m/a.gguf": ""}, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, Holds(tree(t, c.files)))
		})
	}
	require.False(t, Holds(filepath.Join(t.TempDir(), "gone")))
}

func TestLooksLikePath(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"/m": true, "./m": true, "../m": true, "~/m": true, "x.gguf": true, "org/x.ONNX": true, "org/name": false, "name": false, "org/name-1.5": false,
		`a\b`: runtime.GOOS == "windows", `C:m`: runtime.GOOS == "windows",
	} {
		require.Equal(t, want, looksLikePath(name), name)
	}
}

func TestIsHubID(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"org/name": true, "Org_1/na.me-2": true, "org": false, "a/b/c": false, "/b": false, "a/": false, "../b": false, "a/..": false, "a/b c": false,
		"a/ü": false, "-a/b": false, "a--x/b": false, "a/" + strings.Repeat("b", 94): true, "a/" + strings.Repeat("b", 95): false,
	} {
		require.Equal(t, want, isHubID(name), name)
	}
}

// FuzzConfig checks that any config results in a value or an error of one line, and
// never in a panic.
func FuzzConfig(f *testing.F) {
	for _, s := range []string{"{}", quantised(`{"quant_method":"gptq"}`), `{"a":[0,Infinity,-NaN]}`, "null", "[", "\xEF\xBB\xBF", `{"quantization_config":{"load_in_4bit":true}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var c config
		if err := decode(data, &c); err != nil {
			require.NotContains(t, err.Error(), "\n")
			return
		}
		_, _ = c.quant("config.json")
	})
}
