package uv

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/profile"
)

func TestFailed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tail    string
		offline bool
		code    fault.Code
		words   string
	}{
		"disk full":     {"error: Failed to install: a.whl\n  Caused by: failed to write: No space left on device (os error 28)", false, fault.NoSpace, "os error 28"},
		"quota":         {"error: write failed: Disk quota exceeded (os error 122)", false, fault.NoSpace, "quota"},
		"read-only":     {"error: Read-only file system (os error 30)", false, fault.NotWritable, "Read-only"},
		"denied":        {"error: failed to create directory `/x`: Permission denied (os error 13)", false, fault.NotWritable, "/x"},
		"offline":       {"error: Failed to fetch: `https://example.org/simple/a/`\n  Caused by: Network connectivity is disabled", true, fault.Offline, "disabled"},
		"bad wheel":     {"error: Failed to install: a-1-py3-none-any.whl (a==1)\n  Caused by: Invalid wheel: x", false, fault.BadWheel, "Invalid wheel"},
		"zip":           {"  × Failed to download `a==1`\n  ├─▶ Failed to extract archive\n  ╰─▶ invalid Zip archive", false, fault.BadWheel, "Failed to extract archive"},
		"hash":          {"error: Hash mismatch for `a==1`\n\nExpected:\n  sha256:0", false, fault.BadWheel, "a==1"},
		"entry points":  {"error: Failed to install: pip-99-py3-none-any.whl (pip==99)\n  Caused by: The wheel is invalid: `entry_points.txt` is invalid: expected a section header at line 1", false, fault.BadWheel, "entry_points.txt"},
		"RECORD":        {"error: record 0 (line: 1, byte: 0): invalid length 1, expected struct RecordEntry with 3 elements", false, fault.BadWheel, "record 0"},
		"cache lost":    {"error: Failed to install: a\n  Caused by: failed to open file `/root/.envs/.cache/uv/archive-v0/x/a-1.dist-info/WHEEL`: No such file or directory (os error 2)", false, fault.BadWheel, "WHEEL"},
		"poisoned":      {"error: Failed to install: a\n  Caused by: Invalid `Wheel-Version` in WHEEL file: None", false, fault.BadWheel, "Wheel-Version"},
		"no network":    {"error: Request failed after 3 retries\n  Caused by: error sending request for url (https://example.org/simple/a/)\n  Caused by: dns error", false, fault.NoIndex, "example.org"},
		"certificate":   {"error: Failed to fetch: `https://example.org/`\n  Caused by: invalid peer certificate: UnknownIssuer", false, fault.NoIndex, "UnknownIssuer"},
		"503":           {"error: Failed to fetch: `https://example.org/simple/a/`\n  Caused by: HTTP status server error (503 Service Unavailable)", false, fault.NoIndex, "503"},
		"with a secret": {"error: Failed to fetch: `https://me:s3cret@example.org/simple/a/`\n  Caused by: HTTP status client error (401 Unauthorized)", false, fault.NoIndex, "://***@example.org"},
		"no compiler": {"error: Failed to build `llama-cpp-python==0.3.36`\n  cause: The build backend returned an error\n  CMake Error at CMakeDetermineCCompiler.cmake:48 (message):\n    gcc: No such file or directory\n\n" +
			"  CMake Error: CMAKE_C_COMPILER not set, after EnableLanguage\n\nhint: Build failures usually indicate a problem", false, fault.Install, "llama-cpp-python==0.3.36 comes as source, and there is no compiler"},
		"anything": {"error: something new", false, fault.Install, "something new"},
		"silence":  {"", false, fault.Install, "it said nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := &UV{cfg: Config{Root: "/root", Offline: c.offline}}
			err := u.failed("installing", execx.Result{ExitCode: 2, Tail: c.tail})
			require.Equal(t, c.code, fault.CodeOf(err))
			require.Contains(t, err.Error(), "installing failed: ")
			require.Contains(t, err.Error(), c.words)
			require.NotContains(t, err.Error(), "s3cret")
			require.NotContains(t, err.Error(), "\n")
			require.NotEmpty(t, fault.RemedyOf(err))
		})
	}
}

func TestWhy(t *testing.T) {
	t.Parallel()
	pin := profile.Pin{Name: "huggingface_hub", Version: "0.27.1"}
	lock := Lock{Packages: []Package{{Name: "transformers", Version: "4.57.3"}}}
	for words, want := range map[string]string{
		"Because transformers>=4.57.3 depends on huggingface-hub>=0.34.0,<1.0 and huggingface-hub==0.27.1, no.":                   "transformers 4.57.3 needs >=0.34",
		"Because transformers==4.57.3 depends on huggingface-hub>=0.34.0,<1.0 and you require huggingface-hub==0.27.1, no.":       "transformers 4.57.3 needs >=0.34",
		"Because transformers[torch]==4.57.3 depends on huggingface-hub[cli]>=0.34.0,<1.0. And":                                   "transformers 4.57.3 needs >=0.34",
		"Because a==1 depends on huggingface-hub<0.20 and b":                                                                      "a needs <0.20",
		"Because a==1 depends on huggingface-hub==0.20.1, we":                                                                     "a needs ==0.20.1",
		"Because there is no version of huggingface-hub==0.27.1 and you require huggingface-hub==0.27.1, your requirements":       "the index has no such version",
		"Because there are no versions of huggingface-hub and":                                                                    "the index has no such version",
		"Because all versions of transformers depend on huggingface-hub>=0.34.0,<1.0 and you require huggingface-hub==0.27.1, we": "transformers 4.57.3 needs >=0.34",
		"Because there is no version of huggingface-hub==0.27.1 and modelrun-env depends on huggingface-hub==0.27.1, your":        "the index has no such version",
		"Because all of it is new": "it does not go together with the versions before it",
	} {
		require.Equal(t, want, why(pin, words, lock), words)
	}
}

func TestViolated(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ version, spec, want string }{
		"lower":     {"0.27.1", ">=0.34.0,<1.0", ">=0.34"},
		"upper":     {"1.2", ">=0.34.0,<1.0", "<1.0"},
		"strict":    {"2", ">2", ">2"},
		"at most":   {"2.1", "<=2", "<=2"},
		"exact":     {"1.0", "==2.0.0", "==2.0.0"},
		"excluded":  {"1.0", "!=1.0", "!=1.0"},
		"satisfied": {"1.0", ">=0.5", ">=0.5"},
		"two zeros": {"1", ">=2.0.0", ">=2.0"},
	} {
		require.Equal(t, c.want, violated(c.version, c.spec), name)
	}
}

func TestHost(t *testing.T) {
	t.Parallel()
	for index, want := range map[string]string{
		"https://example.org/whl/cu121":           "example.org",
		"https://me:pw@example.org:8443/whl/cu1/": "example.org:8443",
		"file:///mirror/whl/cpu/":                 "/mirror/whl/cpu",
	} {
		require.Equal(t, want, host(index))
	}
}

func TestMasked(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	n, err := masked{&b}.Write([]byte("https://me:pw@example.org/"))
	require.NoError(t, err)
	require.Equal(t, 26, n, "all of what was given")
	require.Equal(t, "https://***@example.org/", b.String())
	_, err = masked{}.Write([]byte("x"))
	require.NoError(t, err)
	_, err = masked{full{}}.Write([]byte("x"))
	require.Error(t, err)
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestLineWriter(t *testing.T) {
	t.Parallel()
	var all bytes.Buffer
	var lines []string
	w := &lineWriter{next: &all, line: func(s string) { lines = append(lines, s) }}
	for _, part := range []string{"Down", "loaded a\r\nPre", "pared 1\n\nrest"} {
		_, err := w.Write([]byte(part))
		require.NoError(t, err)
	}
	require.Equal(t, []string{"Downloaded a", "Prepared 1", ""}, lines)
	require.Equal(t, "Downloaded a\r\nPrepared 1\n\nrest", all.String())
}

func TestPyproject(t *testing.T) {
	t.Parallel()
	p := profile.Plan{
		Packages:  []string{"torch", "transformers>=4 ; python_version > '3'", "Pillow", "pip"},
		Hard:      []profile.Pin{{Name: "torch", Version: "2.5.1+cu121"}, {Name: "transformers", Version: "4.57.3"}, {Name: "pillow", Version: "11.0"}},
		FromTorch: []string{"torch"}, TorchIndex: "https://example.org/whl/cu121", PythonMin: "3.10", PythonMax: "3.12",
	}
	require.Equal(t, `# generated by modelrun
[project]
name = "modelrun-env"
version = "0"
requires-python = ">=3.10,<3.13"
dependencies = [
    "torch==2.5.1+cu121",
    "transformers==4.57.3",
    "Pillow==11.0",
    "pip",
]

[[tool.uv.index]]
name = "torch"
url = "https://example.org/whl/cu121"
explicit = true

[tool.uv.sources]
torch = { index = "torch" }
`, string(pyproject(p)))
}

func TestNextMinor(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"3.12": "3.13", "3.9": "3.10", "3.12.1": "3.12.2", "3": "4", "x": "x"} {
		require.Equal(t, want, nextMinor(in))
	}
}

func TestEnviron(t *testing.T) {
	t.Parallel()
	kept := []string{
		"PATH=/bin", "HOME=/h", "HTTPS_PROXY=http://p", "NO_PROXY=x", "SSL_CERT_FILE=/c", "UV_EXTRA_INDEX_URL=https://example.org/", "UV_INDEX=https://example.org/x",
		"UV_INDEX_MINE_USERNAME=u", "UV_INDEX_MINE_PASSWORD=p", "UV_HTTP_TIMEOUT=9", "UV_PYTHON_INSTALL_MIRROR=file:///m", "UV_INSECURE_HOST=h", "UV_EXCLUDE_NEWER=2026-01-01",
	}
	dropped := []string{
		"UV_INDEX_URL=a", "UV_INDEX_STRATEGY=unsafe-best-match", "UV_DEFAULT_INDEX=a", "UV_FIND_LINKS=a", "UV_CACHE_DIR=/c", "UV_PROJECT_ENVIRONMENT=/e", "UV_TORCH_BACKEND=auto",
		"UV_SYSTEM_PYTHON=1", "UV_OFFLINE=1", "UV_NO_CACHE=1", "UV_CONSTRAINT=c", "UV_CONFIG_FILE=u.toml", "PIP_INDEX_URL=a", "PIP_TARGET=/t", "PIP_USER=1", "PYTHONPATH=/p", "PYTHONHOME=/p", "PYTHONSTARTUP=/s",
		"VIRTUAL_ENV=/v", "CONDA_PREFIX=/c", "__PYVENV_LAUNCHER__=/x", "MODELRUN_ACTIVE_KEY=k",
	}
	got := environ(Config{Root: "/root", Env: execx.NewEnviron(append(append([]string{}, kept...), dropped...))})
	for _, entry := range kept {
		require.Contains(t, got, entry)
	}
	for _, entry := range dropped {
		require.NotContains(t, got, entry)
	}
	require.Equal(t, "1", got.Get("UV_SYSTEM_CERTS"))
	require.NotEmpty(t, got.Get("UV_PYTHON_INSTALL_DIR"))

	own := environ(Config{Env: execx.NewEnviron([]string{"UV_NATIVE_TLS=false", "PIP_EXTRA_INDEX_URL=https://example.org/p"})})
	require.Empty(t, own.Get("UV_SYSTEM_CERTS"), "the user decided")
	require.Equal(t, "https://example.org/p", own.Get("UV_EXTRA_INDEX_URL"))
}

func TestDefaultIndex(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cfg       Config
		own, want string
	}{
		"PyPI":                     {},
		"an own env's":             {Config{IndexDefault: "https://b"}, "https://a", "https://a"},
		"the config":               {Config{IndexDefault: "https://b", Env: execx.Environ{"UV_DEFAULT_INDEX=https://c"}}, "", "https://b"},
		"uv's, new spelling first": {Config{Env: execx.Environ{"UV_INDEX_URL=https://d", "UV_DEFAULT_INDEX=https://c"}}, "", "https://c"},
		"pip's":                    {Config{Env: execx.Environ{"PIP_INDEX_URL=https://e"}}, "", "https://e"},
	} {
		require.Equal(t, c.want, c.cfg.defaultIndex(c.own), name)
	}
}

func TestFrom(t *testing.T) {
	t.Parallel()
	u := &UV{env: execx.Environ{"UV_INDEX=https://mine"}}
	require.Equal(t, u.env, u.from("", "").env, "nothing to say")
	require.Equal(t, execx.Environ{"UV_DEFAULT_INDEX=https://a", "UV_INDEX=https://t https://mine"}, u.from("https://a", "https://t").env)
	require.Equal(t, execx.Environ{"UV_INDEX=https://mine"}, u.env, "a copy")
}

func TestLinks(t *testing.T) {
	t.Parallel()
	there := t.TempDir()
	for name, c := range map[string]struct {
		cfg  Config
		want []string
	}{
		"none":                {},
		"only those that are": {Config{FindLinks: []string{there, there + "/none", "https://f"}}, []string{"--find-links", there, "--find-links", "https://f"}},
		"those of variables":  {Config{Env: execx.Environ{"PIP_FIND_LINKS=" + there + " https://g", "UV_FIND_LINKS=https://h,https://i"}}, []string{"--find-links", "https://h", "--find-links", "https://i", "--find-links", there, "--find-links", "https://g"}},
	} {
		require.Equal(t, c.want, c.cfg.links(), name)
	}
}

func TestTested(t *testing.T) {
	t.Parallel()
	for v, want := range map[string]bool{"0.13.9": true, "0.9.0": true, "0.8.22": false, "0.14.0": false, "1.0.0": false, "0": false, "": false, "0.x.1": false} {
		require.Equal(t, want, (&UV{Version: v}).Untested() == "", v)
	}
}

func FuzzParseLock(f *testing.F) {
	f.Add([]byte("lock-version = \"1.0\"\n[[packages]]\nname = \"torch\"\nversion = \"2.5.1+cu121\"\nwheels = [{ url = \"https://example.org/t.whl\", size = 12 }]\n"))
	f.Add([]byte("[[packages]]\nname = \"a\"\narchive = { size = 9223372036854775807 }\n[[packages]]\nname = \"b\"\nsdist = { size = 9223372036854775807 }"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := parseLock(data)
		if err != nil {
			return
		}
		require.GreaterOrEqual(t, l.Download, int64(-1))
		for _, p := range l.Packages {
			require.GreaterOrEqual(t, p.Size, int64(0))
			require.GreaterOrEqual(t, l.size(p.Name), int64(0))
			_ = l.version(p.Name)
		}
	})
}

func FuzzWords(f *testing.F) {
	f.Add("  × No solution found when resolving dependencies:\n  ╰─▶ Because a==1 depends on b>=2,<3 and b==1, no.\n\n      hint: x", "b", "1")
	f.Add("error: Failed\n  Caused by: https://me:pw@example.org/", "b", "1")
	f.Fuzz(func(t *testing.T, tail, name, version string) {
		for _, words := range []string{lastWords(tail), contradiction(tail)} {
			require.NotContains(t, words, "\n")
			if utf8.ValidString(tail) {
				require.True(t, utf8.ValidString(words))
			}
		}
		require.NotEmpty(t, strings.TrimSpace(lastWords(tail)))
		if utf8.ValidString(name) { // a profile is refused for less
			require.NotEmpty(t, why(profile.Pin{Name: name, Version: version}, tail, Lock{}))
		}
	})
}
