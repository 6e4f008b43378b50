package envdir

import (
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/fault"
)

func TestParseKey(t *testing.T) {
	t.Parallel()
	for _, good := range []string{
		"a", "0", "torch-cu121-transformers-bnb", "torch-rocm6.4-transformers", "tf-cu121-t45-bnb-stable", "x--dedicated--y", "a_b", "a-", "a..b",
		strings.Repeat("k", 64), "console", "com", "com10", "comx", "lpt", "nul-1", "x.nul", "auxiliary",
	} {
		k, err := ParseKey(good)
		require.NoError(t, err, good)
		require.Equal(t, Key(good), k)
	}
	bad := map[string]string{
		"":                      "empty",
		strings.Repeat("k", 65): "longer than 64",
		"Torch":                 "does not start",
		"torch-CPU":             "a character",
		"ä":                     "does not start",
		"torch-ä":               "a character",
		"-a":                    "does not start",
		".a":                    "does not start",
		"..":                    "does not start",
		"../a":                  "does not start",
		"a/../b":                "a character",
		"a/b":                   "a character",
		`a\b`:                   "a character",
		"/":                     "does not start",
		"a b":                   "a character",
		"a\n":                   "a character",
		"a\x00":                 "a character",
		"a:b":                   "a character",
		"a.":                    "ends in a dot",
		"tоrch":                 "a character",    // a Cyrillic o
		"．．／a":                  "does not start", // full-width
		"a∕b":                   "a character",    // U+2215
		"a‐b":                   "a character",    // U+2010
		"a\u202eb":              "a character",
		"a\u0301":               "a character", // a combining accent
		"con":                   "device",
		"nul":                   "device",
		"aux.txt":               "device",
		"prn.a.b":               "device",
		"com1":                  "device",
		"com0":                  "device",
		"lpt9.x":                "device",
	}
	for key, why := range bad {
		k, err := ParseKey(key)
		require.ErrorContains(t, err, why, key)
		require.Empty(t, k)
		require.Equal(t, fault.BadKey, fault.CodeOf(err))
		require.NotEmpty(t, fault.RemedyOf(err))
		require.NotContains(t, err.Error(), "\n")
	}
}

// TestLocalID compares ids with the output of: printf %s /models/llama | md5sum |
// cut -c1-12
func TestLocalID(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]ID{
		"/models/llama":         "local_205cc7e2fc6b",
		"/models/mein Modell ü": "local_8845e993ab5e",
		`C:\models\llama`:       "local_6f84db1eac52",
	} {
		require.Equal(t, want, LocalID(path), path)
	}
}

func TestHubID(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]ID{
		"meta-llama/Llama-3.1-8B": "meta-llama__Llama-3.1-8B",
		`org\name`:                "org__name",
		"gpt2":                    "gpt2",
		"a_b/c d":                 "a_b__cd",
		"org/namé:1@x":            "org__nam1x",
		"a/b/c":                   "a__b__c",
		"../x":                    "..__x",
		"":                        "",
		".":                       "",
		"..":                      "",
		"é":                       "",
	} {
		require.Equal(t, want, HubID(name), name)
	}
}

func TestParseStaging(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]Key{
		"torch-cu121-0123abcd":                "torch-cu121",
		"torch-cu121-transformers-0123abcd":   "torch-cu121-transformers",
		"x--dedicated--y-ffffffff":            "x--dedicated--y",
		"a-01234567-89abcdef":                 "a-01234567",
		strings.Repeat("k", 64) + "-00000000": Key(strings.Repeat("k", 64)),
		strings.Repeat("k", 65) + "-00000000": "",
		"torch-cu121":                         "",
		"torch-cu121-0123ABCD":                "",
		"torch-cu121-0123abc":                 "",
		"torch-cu121-0123abcde":               "",
		"torch-cu121_0123abcd":                "",
		"-0123abcd":                           "",
		".trash-0123abcd":                     "",
		"con-0123abcd":                        "",
		"../a-0123abcd":                       "",
		"Torch-0123abcd":                      "",
		"":                                    "",
	} {
		k, suffix, ok := ParseStaging(name)
		require.Equal(t, want, k, name)
		require.Equal(t, want != "", ok, name)
		if ok {
			require.Equal(t, name, string(k)+"-"+suffix)
		}
	}
}

func TestSourceOf(t *testing.T) {
	t.Parallel()
	for pyc, source := range map[string]string{
		"b.cpython-312.pyc": "b.py", "a.b.cpython-312.pyc": "a.b.py", "__init__.cpython-312.pyc": "__init__.py",
	} {
		require.Equal(t, filepath.Join("pkg", source), SourceOf(filepath.Join("pkg", "__pycache__", pyc)))
	}
	require.Equal(t, "six.py", SourceOf(filepath.Join("__pycache__", "six.cpython-312.pyc")))
}

// TestPaths checks that modelrun writes only below .envs, except for the
// constraints.
func TestPaths(t *testing.T) {
	t.Parallel()
	r, k := Root(filepath.FromSlash("/r")), Key("torch-cpu")
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	for got, want := range map[string]string{
		r.Shared(k).Path:              "/r/.envs/torch-cpu",
		r.Shared(k).Venv():            "/r/.envs/torch-cpu/.venv",
		r.Shared(k).Ready():           "/r/.envs/torch-cpu/READY.json",
		r.Shared(k).Cfg():             "/r/.envs/torch-cpu/.venv/pyvenv.cfg",
		r.Next(k).Path:                "/r/.envs/.next/torch-cpu",
		r.Old("local_1").Path:         "/r/environments/local_1",
		r.Staging(k, "0123abcd").Path: "/r/.envs/.tmp/torch-cpu-0123abcd",
		r.Trash("0123abcd"):           "/r/.envs/.tmp/.trash-0123abcd",
		r.Retired("id", "0123abcd"):   "/r/.envs/.old/id-0123abcd",
		r.Files(k).Lock():             "/r/.envs/.locks/torch-cpu.lock",
		r.Lease(r.Shared(k)):          "/r/.envs/.locks/torch-cpu.use",
		r.Lease(r.Next(k)):            "/r/.envs/.locks/torch-cpu.next-use", // cannot be the file of a key
		r.Files(k).Owner():            "/r/.envs/.locks/torch-cpu.owner.json",
		r.Files(k).Failure():          "/r/.envs/.locks/torch-cpu.fail.json",
		r.Files(k).Journal():          "/r/.envs/.locks/torch-cpu.publish.json",
		r.Files(k).Log(at):            "/r/.envs/.logs/torch-cpu-20260102T020405Z.log",
		r.Files(k).Constraints():      "/r/constraints/torch-cpu.txt",
	} {
		require.Equal(t, filepath.FromSlash(want), got)
	}
	want := "/r/.envs/torch-cpu/.venv/bin/python"
	if runtime.GOOS == "windows" {
		want = "/r/.envs/torch-cpu/.venv/Scripts/python.exe"
	}
	require.Equal(t, filepath.FromSlash(want), r.Shared(k).Python())
}

// FuzzParseKey checks that every accepted key is a valid folder name on every
// system.
func FuzzParseKey(f *testing.F) {
	for _, s := range []string{"torch-cu121-transformers-bnb", "con", "com1.x", "a.", "..", "A", strings.Repeat("k", 65)} {
		f.Add(s)
	}
	grammar := regexp.MustCompile(`\A[a-z0-9][a-z0-9._-]{0,63}\z`)
	f.Fuzz(func(t *testing.T, s string) {
		k, err := ParseKey(s)
		if err != nil {
			require.Equal(t, fault.BadKey, fault.CodeOf(err))
			require.NotContains(t, err.Error(), "\n")
			return
		}
		require.Regexp(t, grammar, s)
		require.NotEqual(t, '.', s[len(s)-1])
		require.Equal(t, s, filepath.Base(Root("r").Shared(k).Path))
	})
}

// FuzzParseStaging checks that splitting and joining a name are inverse operations.
func FuzzParseStaging(f *testing.F) {
	for _, s := range []string{"torch-cu121-0123abcd", "a-01234567-89abcdef", "-0123abcd", ".trash-0123abcd"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if k, suffix, ok := ParseStaging(s); ok {
			require.Equal(t, s, string(k)+"-"+suffix)
			require.Len(t, suffix, 8)
			_, err := ParseKey(string(k))
			require.NoError(t, err)
		}
		if k, err := ParseKey(s); err == nil {
			got, suffix, ok := ParseStaging(s + "-0123abcd")
			require.True(t, ok)
			require.Equal(t, k, got)
			require.Equal(t, "0123abcd", suffix)
		}
	})
}
