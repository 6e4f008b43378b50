package uv

import (
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

func FuzzErrorText(f *testing.F) {
	f.Add("  × No solution found when resolving dependencies:\n  ╰─▶ Because a==1 depends on b>=2,<3 and b==1, no.\n\n      hint: x", "b", "1")
	f.Add("error: Failed\n  Caused by: https://me:pw@example.org/", "b", "1")
	f.Fuzz(func(t *testing.T, tail, name, version string) {
		for _, words := range []string{errorText(tail), contradiction(tail)} {
			require.NotContains(t, words, "\n")
			if utf8.ValidString(tail) {
				require.True(t, utf8.ValidString(words))
			}
		}
		require.NotEmpty(t, strings.TrimSpace(errorText(tail)))
		if utf8.ValidString(name) { // a profile with an invalid name is refused
			require.NotEmpty(t, conflictReason(profile.Pin{Name: name, Version: version}, tail, Lock{}))
		}
	})
}
