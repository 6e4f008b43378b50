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
// replaces the environment of the process.
var caller = os.Environ()

// Online returns the environment for a program that downloads packages: that of
// the tests, with the caller's settings of indexes, proxies and certificates.
func Online() []string {
	set := map[string]string{}
	for _, v := range os.Environ() {
		name, value, _ := strings.Cut(v, "=")
		set[name] = value
	}
	for name, file := range map[string]string{"PIP_CONFIG_FILE": "pip/pip.conf", "UV_CONFIG_FILE": "uv/uv.toml", "NETRC": "../.netrc"} { // HOME is different
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
	for _, name := range []string{"PIP_USER", "PIP_REQUIRE_VIRTUALENV"} { // a pip.conf may set them
		set[name] = "0"
	}
	set["PIP_NO_INPUT"], set["PIP_DISABLE_PIP_VERSION_CHECK"] = "1", "1"
	var env []string
	for name, value := range set {
		env = append(env, name+"="+value)
	}
	return env
}

// callerConfig returns the caller's configuration folder.
func callerConfig() string {
	if dir := callers("XDG_CONFIG_HOME"); dir != "" {
		return dir
	}
	return filepath.Join(callers(homes[0]), ".config")
}

// callers returns a variable of the caller.
func callers(name string) string {
	for _, v := range caller {
		if n, value, _ := strings.Cut(v, "="); strings.EqualFold(n, name) {
			return value
		}
	}
	return ""
}

// hasPrefix reports whether name starts with one of the prefixes.
func hasPrefix(name string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

// Main runs a package's tests in an isolated environment (see Isolate) and ends
// the process. It is the whole TestMain of a package whose tests start
// programs:
//
//	func TestMain(m *testing.M) { execxtest.Main(m) }
//
// These tests mostly wait for other processes. So more tests than processors
// run at a time, unless -parallel is set.
func Main(m *testing.M) {
	dir, err := os.MkdirTemp("", "modelrun-test-")
	if err != nil {
		panic(err)
	}
	Isolate(dir)
	code := m.Run()
	_ = os.RemoveAll(dir) // unused from here on
	os.Exit(code)
}

// Isolate replaces the environment of this process by one that does not depend
// on the user. It keeps the files for that in dir, which the caller removes. In
// the new environment:
//
//   - HOME and similar variables name an empty folder, without the user's pip.conf, uv.toml
//     or modelrun configuration.
//   - PATH contains a real interpreter named python3, which is not from a venv or a version
//     manager. It contains no uv and no modelrun.
//   - The other variables are only those of Go, of the system and of the tests (TEST_*,
//     UPDATE_SCRIPTS). All UV_*, PIP_*, PYTHON*, CONDA_* and MODELRUN_* variables are
//     removed.
//
// Programs do not inherit the descriptors that this process inherited.
func Isolate(dir string) {
	flag.Parse()
	if set := given(); !slices.Contains(set, "test.parallel") && !slices.Contains(set, "test.fuzz") { // for a fuzzer it is the number of workers
		_ = flag.Set("test.parallel", strconv.Itoa(min(testsPerProcessor*runtime.GOMAXPROCS(0), maxTests)))
	}
	closeOnExec()
	set := map[string]string{
		"TEST_CACHE": CacheDir(), "PATH": searchPath(dir), "LANG": "C.UTF-8",
		"UV_NO_CONFIG": "1",                 // there may be a uv.toml or a .python-version above the checkout
		"GORACE":       "atexit_sleep_ms=0", // otherwise each program with the race detector takes a second to end
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

// The number of parallel tests. It was measured with 2 processors, and is
// limited by memory.
const (
	testsPerProcessor = 3
	maxTests          = 24
)

// given returns the names of the flags on the command line.
func given() (names []string) {
	flag.Visit(func(f *flag.Flag) { names = append(names, f.Name) })
	return names
}

// CacheDir returns the folder for tools that the tests install: TEST_CACHE, or
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

// kept reports whether a variable of the caller is kept.
func kept(name string) bool {
	return slices.ContainsFunc(slices.Concat(system, goVars), func(s string) bool { return strings.EqualFold(s, name) }) || hasPrefix(name, "CGO_", "TEST_", "WINE")
}

// goVars are variables that users set for Go.
var goVars = []string{
	"GO111MODULE", "GOAMD64", "GOARCH", "GOARM64", "GOAUTH", "GOCACHEPROG", "GOCOVERDIR", "GODEBUG", "GOEXPERIMENT", "GOFLAGS", "GOGC", "GOINSECURE",
	"GOMAXPROCS", "GOMEMLIMIT", "GONOPROXY", "GONOSUMDB", "GOOS", "GOPRIVATE", "GOPROXY", "GOROOT", "GOSUMDB", "GOTMPDIR", "GOTOOLCHAIN", "GOTRACEBACK",
	"GOVCS", "GOWORK",
}

// goEnviron returns the values that Go derives from HOME.
func goEnviron() map[string]string {
	vars := map[string]string{}
	names := []string{"GOENV", "GOCACHE", "GOPATH", "GOMODCACHE"}
	out, err := exec.Command("go", append([]string{"env"}, names...)...).Output() //nolint:gosec // constants
	if err != nil {
		return nil // without Go, as under Wine, nothing is built
	}
	for i, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		vars[names[i]] = strings.TrimSuffix(line, "\r")
	}
	return vars
}

// searchPath returns the caller's PATH without environments and without
// programs that tests must not find by accident.
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

// unwanted are the programs that the tested code searches for on PATH.
var unwanted = []string{"uv" + exe, "uvx" + exe, "modelrun" + exe, "modelrunw" + exe}

// isUnwanted reports whether a program is one of unwanted.
func isUnwanted(name string) bool { return slices.Contains(unwanted, name) }

// realPython returns the interpreter behind the caller's python3, or "". It is
// not a venv's python or a version manager's script. TEST_PYTHON names another
// one.
func realPython() string {
	for _, name := range []string{os.Getenv("TEST_PYTHON"), "python3", "python"} {
		if name == "" {
			continue
		}
		c := exec.Command(name, "-I", "-S", "-c", "import os, sys; print(os.path.realpath(sys._base_executable or sys.executable))") //nolint:gosec // the tester's own
		c.Env = slices.DeleteFunc(slices.Clone(caller), func(v string) bool { return strings.HasPrefix(v, "PYTHON") })
		out, err := c.Output()
		if err != nil {
			continue
		}
		python := strings.TrimSpace(string(out))
		c = exec.Command(python, "-I", "-S", "-c", "pass") //nolint:gosec // the tester's own
		c.Env = slices.DeleteFunc(slices.Clone(caller), func(v string) bool { name, _, _ := strings.Cut(v, "="); return !kept(name) })
		if c.Run() == nil { // it works without variables such as LD_LIBRARY_PATH, which the tests do not have
			return python
		}
	}
	return ""
}

// leadsTo reports whether the first python3 of a search path is this one.
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

// managed reports whether a folder's python3 belongs to a version manager. Such
// a python3 finds the interpreter through HOME, and as a shell script takes
// 100 ms for it.
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

// exists follows links.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
