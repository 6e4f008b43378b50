package pylock

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// lock returns a lock with one package that has these wheels.
func lock(head string, wheels ...string) string {
	text := "lock-version = \"1.0\"\ncreated-by = \"test\"\n" + head + "\n[[packages]]\nname = \"torch\"\nversion = \"2.11.0\"\n"
	for _, w := range wheels {
		text += fmt.Sprintf("[[packages.wheels]]\nurl = \"https://example.org/%s\"\nhashes = { sha256 = \"%s\" }\n", w, strings.Repeat("0", 64))
	}
	return text
}

func TestCheck(t *testing.T) {
	t.Parallel()
	const cp311 = "torch-2.11.0%2Bcpu-cp311-cp311-manylinux_2_28_x86_64.whl"
	linux := Platform{"linux", "amd64"}
	for name, c := range map[string]struct {
		text    string
		on      Platform
		minors  string // "3.11", or the first and the last
		problem string
	}{
		"one minor":        {text: lock("", cp311), on: linux, minors: "3.11 3.11"},
		"stable ABI":       {text: lock("requires-python = '<3.14'", "torch-2-cp310-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64.whl"), on: linux, minors: "3.10 3.13"},
		"any":              {text: lock("requires-python = '>=3.11.4,<3.13'", "torch-2-py2.py3-none-any.whl"), on: linux, minors: "3.11 3.12"},
		"ours":             {text: lock("tool.modelrun.python = '3.12'", "torch-2-py3-none-any.whl"), on: linux, minors: "3.12 3.12"},
		"free-threaded":    {text: lock("", "torch-2-cp313-cp313t-manylinux_2_28_x86_64.whl"), on: linux, problem: "it has no wheel of torch for this machine (linux x86_64, Python 3)"},
		"other system":     {text: lock("", cp311), on: Platform{"windows", "amd64"}, problem: "it has no wheel of torch for this machine (windows AMD64, Python 3)"},
		"other machine":    {text: lock("", cp311), on: Platform{"linux", "arm64"}, problem: "it has no wheel of torch for this machine (linux aarch64, Python 3)"},
		"mac":              {text: lock("", "torch-2-cp311-cp311-macosx_11_0_universal2.whl"), on: Platform{"darwin", "arm64"}, minors: "3.11 3.11"},
		"windows":          {text: lock("", "torch-2-cp311-cp311-win_amd64.whl"), on: Platform{"windows", "amd64"}, minors: "3.11 3.11"},
		"other marker":     {text: lock("environments = [\"sys_platform == 'win32'\"]", cp311), on: linux, problem: "it is for sys_platform == 'win32', and this machine is linux x86_64"},
		"other platform":   {text: lock("environments = [\"sys_platform == 'win32'\"]\ntool.modelrun.platform = 'windows AMD64'", cp311), on: linux, problem: "it is for windows AMD64, and this machine is linux x86_64"},
		"no Python":        {text: lock("requires-python = '<3'", cp311), on: linux, problem: `its requires-python "<3", with Python "", leaves no version of Python`},
		"no created-by":    {text: "lock-version = '1.0'", on: linux, problem: "it has no created-by, which uv asks for"},
		"empty":            {text: "lock-version = '1.0'\ncreated-by = 'x'", on: linux, problem: "it names no package"},
		"no files":         {text: lock(""), on: linux, problem: "torch has neither a wheel nor a source"},
		"no hash":          {text: strings.ReplaceAll(lock("", cp311), "hashes", "size = 1 #"), on: linux, problem: "torch-2.11.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl has no hash"},
		"folder":           {text: lock("") + "directory = { path = 'x' }", on: linux, problem: "torch is a folder, whose content is not locked"},
		"secret":           {text: strings.ReplaceAll(lock("", cp311), "https://", "https://me:word@"), on: linux, problem: "https://***@example.org/" + cp311 + " holds a secret: leave it out, and give it to uv by the index of your settings, or by netrc"},
		"not installed":    {text: lock("", cp311) + "[[packages]]\nname = 'winonly'\nmarker = \"sys_platform == 'win32'\"\nwheels = [{ name = 'w-1-cp311-cp311-win_amd64.whl', hashes = { sha256 = '0' } }]", on: linux, minors: "3.11 3.11"},
		"source":           {text: lock("requires-python = '==3.11.*'") + "sdist = { url = 'https://example.org/t.tar.gz', hashes = { sha256 = '0' } }", on: linux, minors: "3.11 3.11"},
		"odd name of file": {text: lock("requires-python = '==3.11.*'", "torch.whl"), on: linux, minors: "3.11 3.11"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := Parse([]byte(c.text))
			require.NoError(t, err)
			minors, err := f.Check(c.on)
			if c.problem != "" {
				require.EqualError(t, err, c.problem)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.minors, minors[0]+" "+minors[len(minors)-1])
		})
	}
}

func TestParseProblems(t *testing.T) {
	t.Parallel()
	for text, problem := range map[string]string{
		"":                                     `lock-version is "", not 1.0`,
		"lock-version = '2.0'":                 `lock-version is "2.0", not 1.0`,
		"lock-version = '1.0'\n[[packages]]\n": "package 1 has no name",
		"lock-version = '1.0'\nx y":            "line 2, column 3: ",
		"rich==13.0\n":                         "line 1, column ",
	} {
		_, err := Parse([]byte(text))
		require.ErrorContains(t, err, problem, "%q", text)
	}
}

func TestSum(t *testing.T) {
	t.Parallel()
	sum := func(text string) string {
		f, err := Parse([]byte(text))
		require.NoError(t, err)
		return f.Sum()
	}
	a, b := "[[packages]]\nname = 'A_b'\nversion = '1'\narchive = { url = 'https://x/a.whl', hashes = { sha256 = '1' } }\n", "[[packages]]\nname = 'c'\n"
	head := "lock-version = '1.0'\n"
	require.Equal(t, sum(head+a+b), sum("# other\n"+head+b+strings.NewReplacer("A_b", "a-b", "https://x", "file:///y").Replace(a)))
	require.NotEqual(t, sum(head+a), sum(head+strings.ReplaceAll(a, "'1' } }", "'2' } }")))
	require.NotEqual(t, sum(head+a), sum(head+strings.ReplaceAll(a, "version = '1'", "version = '2'")))
}

func TestFrom(t *testing.T) {
	t.Parallel()
	f, err := Parse([]byte(lock("", "a.whl") + "[[packages.wheels]]\npath = 'w/b.whl'\n"))
	require.NoError(t, err)
	dir := t.TempDir()
	moved, err := f.From(dir)
	require.NoError(t, err)
	again, err := Parse(moved.Text)
	require.NoError(t, err)
	require.Contains(t, string(moved.Text), dir)
	require.Equal(t, f.Sum(), again.Sum())
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(lock("requires-python = '>=3.11'\nenvironments = ['x']", "torch-2-cp311-cp311-win_amd64.whl")))
	f.Add([]byte("lock-version = '1'\n[[packages]]\nname = 'a'\nmarker = '('\nvcs = { commit-id = '1' }\n[tool]\nmodelrun = { python = '3.' }"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse(data)
		if err != nil {
			return
		}
		_, _ = file.Check(Platform{"linux", "amd64"}) // must not panic
		text, err := file.Export("key", "3.11", Platform{"windows", "arm64"})
		require.NoError(t, err)
		again, err := Parse(text)
		require.NoError(t, err, "%s", text)
		require.Equal(t, "3.11", again.Python)
	})
}
