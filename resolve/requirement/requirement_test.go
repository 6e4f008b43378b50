package requirement

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx/execxtest"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"rich":                               "rich",
		" Rich_Text.Extra ":                  "rich-text-extra",
		"httpx[HTTP2, cli] >= 0.27 , <1":     "httpx[cli,http2]<1,>=0.27",
		"rich (>=13,<14)":                    "rich<14,>=13",
		"rich>=13,>=13":                      "rich>=13",
		"torch == 2.5.1+CPU":                 "torch==2.5.1+cpu",
		"x===anything-at-all":                "x===anything-at-all",
		"x==1.*":                             "x==1.*",
		"tomli; python_version<'3.11'":       `tomli; python_version < '3.11'`,
		`a;(os_name=="nt")`:                  `a; os_name == 'nt'`,
		"a; extra == 'b' or os_name == 'nt'": `a; extra == 'b' or os_name == 'nt'`,
		"a; (os_name=='nt' or os_name=='x') and sys_platform not in 'a b'": `a; (os_name == 'nt' or os_name == 'x') and sys_platform not in 'a b'`,
		"a; os_name == \"it's\"":    `a; os_name == "it's"`,
		"python>=3.11":              "python>=3.11",
		"x>=1,":                     "x>=1",
		"x@file:///x":               "x @ file:///x",
		"file:///a%20b":             "file:///a%20b",
		"file:///x ; os_name=='nt'": "file:///x ; os_name == 'nt'",
		"X[b,A]@https://h/x;y.whl":  "x[a,b] @ https://h/x;y.whl",
		"x @ https://me:pw@h:8080/a@b.whl#sha256=0 ; os_name=='nt'": "x @ https://***@h:8080/a@b.whl#sha256=0 ; os_name == 'nt'",
		"x @ git+https://tok@h/o/r.git@feature/y#subdirectory=p":    "x @ git+https://***@h/o/r.git@feature/y#subdirectory=p",
		"x @ git+ssh://git@h/o/r@v1":                                "x @ git+ssh://git@h/o/r@v1",
		"x @ git+file:///r@v1":                                      "x @ git+file:///r@v1",
		"x @ https://h/x.whl?token=s3cret&a=1":                      "x @ https://h/x.whl?token=***&a=1",
		"x @ https://[::1]:80/x.whl":                                "x @ https://[::1]:80/x.whl",
	} {
		r, err := Parse(in)
		require.NoError(t, err, in)
		require.Equal(t, want, r.String())
		again, err := Parse(r.String())
		require.NoError(t, err, in)
		require.Equal(t, want, again.String())
	}
	for in, why := range map[string]string{
		"":                              "empty",
		"-r x":                          "an option",
		"-e.":                           "an option",
		"rm -rf":                        `"-rf" is no version specifier`,
		"./dir":                         "NAME @ URL",
		`C:\x`:                          "NAME @ URL",
		"https://me:pw@host/x.whl":      "NAME @ URL",
		"git+https://me:pw@host/x":      "NAME @ URL",
		"rich>=1 https://me:pw@host/x":  "NAME @ URL",
		"rich @ ./x":                    "it names a path",
		"rich @":                        "it names a path",
		"rich @ ftp://h/x":              `"ftp" is not a way to get a package`,
		"rich @ file://x/y":             "no absolute path",
		"rich @ file:///%zz":            "malformed",
		"rich @ https:///x":             "no valid host",
		"rich @ https://me:pw@/x":       "no valid host",
		"rich @ https://me:p/w@host/x":  "no valid host",
		"rich @ https://h/x y":          "only a marker",
		"rich @ https://h/<x>":          "must be escaped",
		"rich @ https://h/x ; x":        "ends too early",
		"python @ https://h/x":          "versions only",
		"rich>=":                        `"" is no version`,
		"rich>=x":                       `"x" is no version`,
		"rich=1":                        `"=1" is no version specifier`,
		"rich 13":                       `"13" is no version specifier`,
		"rich>=1.*":                     "only == and !=",
		"rich~=1":                       "two numbers",
		"rich>=1+cpu":                   "local version",
		"rich==1a1.*":                   "follows a release",
		"rich[":                         "a ] is missing",
		"rich[]":                        "no name of an extra",
		"rich[a b]":                     "no name of an extra",
		"rich (>=1":                     "a ) is missing",
		"rich-":                         "no package name",
		"rich;":                         "ends too early",
		"rich; x":                       "ends too early",
		"rich; python == '3'":           `asks for "python"`,
		"rich; os_name == 'nt":          "its marker",
		"rich; os_name = 'nt'":          "no comparison",
		"rich; 'a' == 'b'":              "two texts",
		"rich; os_name == 'nt' os_name": "cannot be read at",
		"rich; (os_name == 'nt'":        "lacks a )",
		"rich; " + strings.Repeat("(", 40) + "os_name == 'nt'" + strings.Repeat(")", 40): "too many",
		"a\nb":                    "control character",
		"a; os_name != '\xff'":    "control character", // JSON cannot store it, so the seal would name other requirements
		strings.Repeat("a", 1001): "longer than",
		"python[x]":               "versions only",
	} {
		_, err := Parse(in)
		require.ErrorContains(t, err, why, in)
		require.NotContains(t, err.Error(), "pw@")
	}
}

// TestSecrets checks that the secret of a URL reaches the installer only, and that
// another secret is not another requirement.
func TestSecrets(t *testing.T) {
	t.Parallel()
	r, err := Parse("x @ https://me:pw@h/x.whl")
	require.NoError(t, err)
	other, err := Parse("x @ https://me:new@h/x.whl")
	require.NoError(t, err)
	require.Equal(t, Terms{}.Hash([]Requirement{r}), Terms{}.Hash([]Requirement{other}))
	require.Equal(t, "x @ https://me:pw@h/x.whl", r.Source())
	require.False(t, r.Masked())
	sealed, err := Parse(r.String())
	require.NoError(t, err)
	require.True(t, sealed.Masked())
	_, err = Parse("x @ https://me:p/w@h/x.whl")
	require.Error(t, err)
	require.NotContains(t, err.Error(), "p/w")
}

func TestLocated(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		require.Equal(t, "file:///C:/dir/lib", Located(`.\lib`, `C:\dir`, `C:\home`))
		require.Equal(t, "file:///D:/lib", Located(`D:\lib`, `C:\dir`, `C:\home`))
		r, err := Parse("file:///D:/a%20b")
		require.NoError(t, err)
		require.Equal(t, `D:\a b`, r.Path())
		return
	}
	for in, want := range map[string]string{
		"./lib":                    "file:///dir/lib",
		"../lib/":                  "file:///lib",
		".":                        "file:///dir",
		"lib/x":                    "file:///dir/lib/x",
		"/a b#c;d":                 "file:///a%20b%23c;d",
		"~/lib":                    "file:///home/lib",
		"./x-1.0.whl":              "file:///dir/x-1.0.whl",
		"x @ ./lib":                "x @ file:///dir/lib",
		"x[y]@lib ; os_name=='nt'": "x[y] @ file:///dir/lib ; os_name=='nt'",
		"x @ https://h/x":          "x @ https://h/x",
		"https://h/x":              "https://h/x",
		"rich>=13":                 "rich>=13",
		"rich; os_name == 'a/b'":   "rich; os_name == 'a/b'",
		"x @":                      "x @",
		"file:///lib":              "file:///lib",
	} {
		got := Located(in, "/dir", "/home")
		require.Equal(t, want, got)
	}
	r, err := Parse(Located("./a b#c", "/dir", "/home"))
	require.NoError(t, err)
	require.Equal(t, "/dir/a b#c", r.Path())
	require.Empty(t, r.Name)
}

// TestHash checks that equivalent requirements have the same hash, and different
// ones do not.
func TestHash(t *testing.T) {
	t.Parallel()
	hash := func(list ...string) string {
		var set []Requirement
		for _, s := range list {
			r, err := Parse(s)
			require.NoError(t, err)
			set = append(set, r)
		}
		return Terms{}.Hash(set)
	}
	require.Regexp(t, "^[0-9a-f]{8}$", hash("rich"))
	require.Equal(t, hash("rich", "httpx>=0.27"), hash("HTTPX >= 0.27", "Rich", "rich"))
	require.NotEqual(t, hash("rich"), hash("rich>=13"))
	require.NotEqual(t, hash("rich", "httpx"), hash("rich"))
	require.NotEqual(t, hash("rich"), hash("rich", "python>=3.11"))
}

func TestMarkers(t *testing.T) {
	t.Parallel()
	linux := Host{OS: "linux", Arch: "amd64", Python: "3.12.4"}
	for in, want := range map[string]bool{
		"python_version >= '3.10'":                              true,
		"python_version < '3.9'":                                false,
		"python_version == '3.12'":                              true,
		"python_version == '3.*'":                               true,
		"python_full_version > '3.12.4'":                        false,
		"sys_platform == 'linux'":                               true,
		"sys_platform == 'win32'":                               false,
		"platform_system != 'Windows'":                          true,
		"os_name == 'nt'":                                       false,
		"platform_machine == 'x86_64'":                          true,
		"platform_machine in 'aarch64 arm64'":                   false,
		"'linux' in sys_platform":                               true,
		"'win' not in sys_platform":                             true,
		"sys_platform == 'win32' or os_name == 'posix'":         true,
		"sys_platform == 'win32' and os_name == 'posix'":        false,
		"os_name=='nt' and (os_name=='nt' or os_name=='posix')": false,
		"extra == 'x'":                                          true, // unknown: it applies
		"extra == 'x' and os_name == 'nt'":                      false,
		"platform_release >= '5'":                               true,
		"os_name > 'a'":                                         true,
		"'3.9' < python_version":                                true,
	} {
		r, err := Parse("x; " + in)
		require.NoError(t, err, in)
		require.Equal(t, want, r.Applies(linux), in)
	}
	r, err := Parse("x; python_version < '3.9'")
	require.NoError(t, err)
	require.True(t, r.Applies(Host{OS: "linux"}), "a Python that is not known")
}

// pip includes the library that defines the behaviour of Python's tools.
const packaging = `
import ensurepip, glob, json, os, sys
# The pip that Python carries, where none is installed.
sys.path += glob.glob(os.path.join(os.path.dirname(ensurepip.__file__), "_bundled", "pip-*.whl"))
try:
    from pip._vendor.packaging.version import Version, InvalidVersion
    from pip._vendor.packaging.specifiers import SpecifierSet, InvalidSpecifier
except ImportError:
    sys.exit(9)
q = json.load(sys.stdin)
def parse(v):
    try: return Version(v)
    except InvalidVersion: return None
def spec(s):
    try: return SpecifierSet(s)
    except InvalidSpecifier: return None
vs = [parse(v) for v in q["versions"]]
ss = [spec(s) for s in q["specs"]]
json.dump({
    "versions": [None if v is None else str(v) for v in vs],
    "order": [[0 if a is None or b is None else (a > b) - (a < b) for b in vs] for a in vs],
    "allows": [[s is not None and v is not None and s.contains(v, prereleases=True) for v in vs] for s in ss],
    "specs": [s is not None for s in ss],
}, sys.stdout)
`

// TestLikePackaging compares every pair in a large table with Python's own
// library.
func TestLikePackaging(t *testing.T) {
	t.Parallel()
	var versions, specs []string
	for _, release := range []string{"0", "1", "1.0", "1.0.0", "01.2", "1.2.3", "1.10", "2.0", "2024.11.5", "1!1.0", "99999999999999999999.1"} {
		for _, tail := range []string{"", "a1", "b", "rc2", ".dev3", "a1.dev2", ".post1", "-1", ".post1.dev2", "rc1.post2", "+cpu", "+cu121.2", ".post1+a.1", "a1+b"} {
			versions = append(versions, release+tail)
		}
	}
	versions = append(versions, "V1.0-ALPHA.1", "1.0_preview_2", "1.0.c1", "1.0-rev", "1.0.r2", "1.0dev", "1.0+LOCAL_1-2", "1.0+1", "1.0+01", " 1.0 ",
		"", "x", "1..0", "1.0+", "1.0+_", "1.0-", "1.0.", "1!", "1.0a1b2", "1.0 0", "1.0.post", "1.0.*", "1.0post1dev", "1-a-1", "1.0.dev.1")
	for _, op := range []string{"==", "!=", "<=", ">=", "<", ">", "~="} {
		for _, v := range []string{"1", "1.0", "1.2.3", "1.0a1", "1.0rc1", "1.0.post1", "1.0.dev3", "1.2.post1", "2.0", "1!1.0", "1.0+cpu", "1.2rc1"} {
			if !strings.Contains(v, "+") || strings.Contains("==!=", op) { // before version 23 other operators accepted a local version
				specs = append(specs, op+v)
			}
		}
		for _, v := range []string{"1.*", "1.0.*", "1.2.3.4.*", "1!1.*"} {
			if strings.Contains("==!=", op) {
				specs = append(specs, op+v)
			}
		}
	}
	specs = append(specs, "", ">=1,<2", ">=1,!=1.2.*,<1.11", "==1.0,==1.0.0", "=1", "1.0", "~=2024.11", ">= 1.0 , < 2", ">=1.0,")
	var want struct {
		Versions []*string
		Order    [][]int
		Allows   [][]bool
		Specs    []bool
	}
	ask(t, map[string]any{"versions": versions, "specs": specs}, &want)
	parsed := make([]*Version, len(versions))
	for i, s := range versions {
		v, ok := ParseVersion(s)
		require.Equal(t, want.Versions[i] != nil, ok, "%q", s)
		if ok {
			parsed[i] = v
			require.Equal(t, *want.Versions[i], v.String())
		}
	}
	for i, a := range parsed {
		for j, b := range parsed {
			if a != nil && b != nil {
				require.Equal(t, want.Order[i][j], sign(a.Compare(b)), "%s and %s", versions[i], versions[j])
			}
		}
	}
	for i, s := range specs {
		clauses, why := parseSpecifiers(s)
		require.Equal(t, want.Specs[i], why == "", "%q %s", s, why)
		if why != "" {
			continue
		}
		for j, v := range parsed {
			if v != nil && !disputed(clauses, v) {
				require.Equal(t, want.Allows[i][j], Requirement{Specs: clauses}.Allows(versions[j]), "%s in %s", versions[j], s)
			}
		}
	}
}

// disputed reports pairs for which the answer of Python's library depends on
// its version. Before 24 it compares 1a1 with ==1.0.* without the zero. From 26
// on <1.0.post1 includes 1.0a1, and >1.0a1 includes 1.0.post1.
func disputed(clauses []*Specifier, v *Version) bool {
	return slices.ContainsFunc(clauses, func(s *Specifier) bool {
		short := len(s.version.release) > len(v.release) && (s.prefix || s.op == "~=") && v.String() != v.base().String()
		return short || s.op == "<" && s.version.post != "" && v.isPre() || s.op == ">" && s.version.isPre() && (v.post != "" || v.local != nil)
	})
}

func sign(n int) int { return max(-1, min(1, n)) }

func ask(t *testing.T, question, answer any) {
	t.Helper()
	python := os.Getenv("TEST_PYTHON")
	if python == "" {
		python = execxtest.PythonWithPip(t)
	}
	data, err := json.Marshal(question)
	require.NoError(t, err)
	script := filepath.Join(t.TempDir(), "ask.py")
	require.NoError(t, os.WriteFile(script, []byte(packaging), 0o600))
	cmd := exec.CommandContext(t.Context(), python, "-I", script)
	cmd.Stdin, cmd.Stderr = strings.NewReader(string(data)), os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(out, answer))
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"rich", "httpx[http2]>=0.27,<1", "a (==1.*); (os_name=='nt' or extra == \"x\") and python_version in '3'", "x @ https://h", "x===1!2.post3+l", "x[y] @ git+https://a:b@h/r@v?token=c#d ; os_name == 'nt'", "file:///a%20b", "./a b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := Parse(Located(s, "/dir", "/home"))
		if err != nil {
			return
		}
		whole, err := Parse(r.Source())
		require.NoError(t, err, r.Source())
		require.Equal(t, r.Source(), whole.Source())
		again, err := Parse(r.String())
		require.NoError(t, err, r.String())
		require.Equal(t, r.String(), again.String())
		require.Equal(t, r.Applies(Host{OS: "linux", Arch: "amd64", Python: "3.12.1"}), again.Applies(Host{OS: "linux", Arch: "amd64", Python: "3.12.1"}))
		require.Equal(t, r.Allows("1.0"), again.Allows("1.0"))
	})
}

func FuzzVersion(f *testing.F) {
	f.Add("1!2.0rc1.post2.dev3+cpu.1", "1.0")
	f.Fuzz(func(t *testing.T, a, b string) {
		v, ok := ParseVersion(a)
		w, ok2 := ParseVersion(b)
		if !ok || !ok2 {
			return
		}
		require.Equal(t, sign(v.Compare(w)), -sign(w.Compare(v)))
		again, ok := ParseVersion(v.String())
		require.True(t, ok)
		require.Zero(t, v.Compare(again))
	})
}

func TestCompareReleases(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"1", "1.0", 0}, {"1.10", "1.9", 1}, {"0.27.1", "0.34", -1}, {"2.5.1", "2.5.1", 0}, {"", "1", -1},
		{"550.54.14", "535.104.05", 1}, {"8.6", "12.0", -1}, {"2.6.0+cu124", "2.6", 0}, {"2.6.1+cu124", "2.6.0", 1}, {"1.x", "1.0", 0},
	} {
		require.Equal(t, c.want, CompareReleases(c.a, c.b), "%s %s", c.a, c.b)
		require.Equal(t, -c.want, CompareReleases(c.b, c.a), "%s %s", c.b, c.a)
	}
}

func TestNameOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"torch": "torch", "Torch_Vision": "torch-vision", "zope.interface >= 5": "zope-interface", "a[b]==1": "a", "x @ ./x": "x",
		"-a--b-": "a-b", "PIL.Image": "pil-image", "a(>1)": "a", "": "",
	} {
		require.Equal(t, want, NameOf(text), text)
	}
}
