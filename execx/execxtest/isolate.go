package execxtest

import (
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// caller is the environment in which this test process was started. Isolate
// replaces that of the process.
var caller = os.Environ()

// Online returns the environment for a program that fetches packages: that of
// the tests, with what the caller says of indexes, proxies and certificates.
func Online() []string {
	set := map[string]string{}
	for _, v := range os.Environ() {
		name, value, _ := strings.Cut(v, "=")
		set[name] = value
	}
	for name, file := range map[string]string{"PIP_CONFIG_FILE": "pip/pip.conf", "UV_CONFIG_FILE": "uv/uv.toml", "NETRC": "../.netrc"} { // HOME is another
		if path := filepath.Join(callerConfig(), file); exists(path) {
			set[name] = path
		}
	}
	delete(set, "UV_NO_CONFIG")
	for _, v := range caller {
		name, value, _ := strings.Cut(v, "=")
		if hasPrefix(strings.ToUpper(name), "PIP_", "UV_", "SSL_", "HTTP_", "HTTPS_", "NO_PROXY", "ALL_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC") {
			set[name] = value
		}
	}
	for _, name := range []string{"PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "UV_CACHE_DIR", "UV_PYTHON"} { // packages would go elsewhere
		delete(set, name)
	}
	for _, name := range []string{"PIP_USER", "PIP_REQUIRE_VIRTUALENV"} { // the same in a pip.conf
		set[name] = "0"
	}
	set["PIP_NO_INPUT"], set["PIP_DISABLE_PIP_VERSION_CHECK"] = "1", "1"
	var env []string
	for name, value := range set {
		env = append(env, name+"="+value)
	}
	return env
}

// callerConfig is the caller's folder of settings.
func callerConfig() string {
	if dir := callers("XDG_CONFIG_HOME"); dir != "" {
		return dir
	}
	return filepath.Join(callers(homes[0]), ".config")
}

// callers is a variable of the caller's.
func callers(name string) string {
	for _, v := range caller {
		if n, value, _ := strings.Cut(v, "="); strings.EqualFold(n, name) {
			return value
		}
	}
	return ""
}

func hasPrefix(name string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

// Main runs a package's tests in an environment that Isolate makes, and ends
// the process. It is the whole TestMain of a package whose tests start programs:
//
//	func TestMain(m *testing.M) { execxtest.Main(m) }
//
// These tests wait for other processes more than they compute, so more of them
// run at a time than there are processors, unless -parallel says otherwise.
func Main(m *testing.M) {
	dir, err := os.MkdirTemp("", "modelrun-test-")
	if err != nil {
		panic(err)
	}
	Isolate(dir)
	code := m.Run()
	_ = os.RemoveAll(dir) // nothing uses it after this
	os.Exit(code)
}

// Isolate replaces the environment of this process by one that does not depend
// on who started it, and keeps what it needs for that in dir, which the caller
// removes. In the new environment:
//
//   - HOME and its relatives are an empty folder: no pip.conf, uv.toml or
//     modelrun configuration of the user's;
//   - PATH leads to a real interpreter named python3, not to a venv's or a
//     version manager's, and to no uv and no modelrun;
//   - of the other variables only those of Go, of the system and the tests' own
//     (TEST_*, UPDATE_SCRIPTS) are left: none of UV_*, PIP_*, PYTHON*, CONDA_*
//     or MODELRUN_*.
//
// Descriptors that were inherited are not passed on to programs.
func Isolate(dir string) {
	flag.Parse()
	if set := given(); !slices.Contains(set, "test.parallel") && !slices.Contains(set, "test.fuzz") { // a fuzzer takes it for the number of its workers
		_ = flag.Set("test.parallel", strconv.Itoa(min(testsPerProcessor*runtime.GOMAXPROCS(0), maxTests)))
	}
	closeOnExec()
	set := map[string]string{
		"TEST_CACHE": CacheDir(), "PATH": searchPath(dir), "LANG": "C.UTF-8",
		"UV_NO_CONFIG": "1",                 // a uv.toml or a .python-version above the checkout
		"GORACE":       "atexit_sleep_ms=0", // or each end of a program with the race detector takes a second
	}
	for name, value := range goEnviron() {
		set[name] = value
	}
	home := filepath.Join(dir, "home")
	for _, name := range homes {
		set[name] = home
	}
	if err := os.MkdirAll(home, 0o755); err != nil {
		panic(err)
	}
	for _, v := range caller {
		if name, value, _ := strings.Cut(v, "="); name != "" && kept(name) {
			if _, ok := set[name]; !ok {
				set[name] = value
			}
		}
	}
	os.Clearenv()
	for name, value := range set {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
}

// So many tests run at a time: measured with 2 processors, and bounded by memory.
const (
	testsPerProcessor = 3
	maxTests          = 24
)

// given are the flags that the command line sets.
func given() (names []string) {
	flag.Visit(func(f *flag.Flag) { names = append(names, f.Name) })
	return names
}

// CacheDir is where the tests keep the tools that they install: TEST_CACHE, or
// a folder in the caller's cache folder.
func CacheDir() string {
	if dir := os.Getenv("TEST_CACHE"); dir != "" {
		return dir
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	return filepath.Join(cache, "modelrun-test")
}

// kept reports whether a variable of the caller's is left.
func kept(name string) bool {
	return slices.ContainsFunc(slices.Concat(system, goVars), func(s string) bool { return strings.EqualFold(s, name) }) || hasPrefix(name, "CGO_", "TEST_", "WINE")
}

// goVars are what a person may have set for Go.
var goVars = []string{
	"GO111MODULE", "GOAMD64", "GOARCH", "GOARM64", "GOAUTH", "GOCACHEPROG", "GOCOVERDIR", "GODEBUG", "GOEXPERIMENT", "GOFLAGS", "GOGC", "GOINSECURE",
	"GOMAXPROCS", "GOMEMLIMIT", "GONOPROXY", "GONOSUMDB", "GOOS", "GOPRIVATE", "GOPROXY", "GOROOT", "GOSUMDB", "GOTMPDIR", "GOTOOLCHAIN", "GOTRACEBACK",
	"GOVCS", "GOWORK",
}

// goEnviron is what Go finds by way of HOME.
func goEnviron() map[string]string {
	vars := map[string]string{}
	names := []string{"GOENV", "GOCACHE", "GOPATH", "GOMODCACHE"}
	out, err := exec.Command("go", append([]string{"env"}, names...)...).Output() //nolint:gosec // constants
	if err != nil {
		return nil // no Go here, as under Wine: nothing is built
	}
	for i, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		vars[names[i]] = strings.TrimSuffix(line, "\r")
	}
	return vars
}

// searchPath is the caller's PATH without environments and without the programs
// that no test may find by chance.
func searchPath(dir string) string {
	python := realPython()
	var dirs []string
	for i, d := range filepath.SplitList(os.Getenv("PATH")) {
		switch {
		case !filepath.IsAbs(d), slices.Contains(dirs, d), exists(filepath.Join(d, "..", "pyvenv.cfg")):
		case managed(d):
			dirs = append(dirs, without(d, filepath.Join(dir, "path"+strconv.Itoa(i)), func(name string) bool { return isUnwanted(name) || hasPrefix(name, "python") })...)
		case slices.ContainsFunc(unwanted, func(name string) bool { return exists(filepath.Join(d, name)) }):
			dirs = append(dirs, without(d, filepath.Join(dir, "path"+strconv.Itoa(i)), isUnwanted)...)
		default:
			dirs = append(dirs, d)
		}
	}
	if python != "" && !leadsTo(dirs, python) {
		dirs = append([]string{pythonDir(python, filepath.Join(dir, "python"))}, dirs...)
	}
	return strings.Join(dirs, string(filepath.ListSeparator))
}

// unwanted are the programs that are looked for on PATH by what we test.
var unwanted = []string{"uv" + exe, "uvx" + exe, "modelrun" + exe, "modelrunw" + exe}

func isUnwanted(name string) bool { return slices.Contains(unwanted, name) }

// realPython is the interpreter behind the caller's python3: not a venv's, and
// not a version manager's script. "" is none. TEST_PYTHON names another.
func realPython() string {
	for _, name := range []string{os.Getenv("TEST_PYTHON"), "python3", "python"} {
		if name == "" {
			continue
		}
		c := exec.Command(name, "-I", "-S", "-c", "import os, sys; print(os.path.realpath(sys._base_executable or sys.executable))") //nolint:gosec // a tester's own
		c.Env = slices.DeleteFunc(slices.Clone(caller), func(v string) bool { return strings.HasPrefix(v, "PYTHON") })
		out, err := c.Output()
		if err != nil {
			continue
		}
		python := strings.TrimSpace(string(out))
		c = exec.Command(python, "-I", "-S", "-c", "pass") //nolint:gosec // the same
		c.Env = slices.DeleteFunc(slices.Clone(caller), func(v string) bool { name, _, _ := strings.Cut(v, "="); return !kept(name) })
		if c.Run() == nil { // it needs no variable that the tests do not have, such as LD_LIBRARY_PATH
			return python
		}
	}
	return ""
}

// leadsTo reports whether the first python3 of a search path is this one itself.
func leadsTo(dirs []string, python string) bool {
	for _, d := range dirs {
		file := filepath.Join(d, python3)
		if !exists(file) {
			continue
		}
		at, err := filepath.EvalSymlinks(file)
		return err == nil && at == python
	}
	return false
}

// managed reports whether a folder's python3 is a version manager's, which finds
// the interpreter by way of HOME, and by a shell script takes 100 ms for it.
func managed(dir string) bool {
	file, err := filepath.EvalSymlinks(filepath.Join(dir, python3))
	if err != nil {
		return false
	}
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	start := make([]byte, 2)
	_, err = io.ReadFull(f, start)
	return err == nil && (string(start) == "#!" || !strings.HasPrefix(filepath.Base(file), "python"))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
