package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/uv/uvtest"
)

// launcher is one way to start true(1) in a folder.
type launcher struct {
	name string
	dir  string
	env  []string
	argv []string
	took []time.Duration
}

// BenchmarkLaunch prints the time that each launcher adds to starting a program
// directly, in an environment like a real one with torch. It reports the ratio of
// modelrun to a Go program that only execs, in three cases: with the key named,
// with a model in the folder, and with all files that modelrun reads.
//
// All launchers take turns in one run, because a machine's speed changes from
// minute to minute. For the same reason the result is a ratio, not a limit in
// milliseconds.
func BenchmarkLaunch(b *testing.B) {
	launchers := newLaunchers(b)
	atPrompt()
	rounds := max(b.N, 200)
	for range 10 {
		for i := range launchers {
			launchers[i].once(b)
		}
	}
	b.ResetTimer()
	for round := range rounds {
		for i := range launchers {
			l := &launchers[(i+round)%len(launchers)] // so that no launcher always follows the slowest one
			l.took = append(l.took, l.once(b))
		}
	}
	b.StopTimer()
	report(b, launchers)
}

// once starts the program and waits for its end.
func (l *launcher) once(b *testing.B) time.Duration {
	cmd := exec.Cmd{Path: l.argv[0], Args: l.argv, Dir: l.dir, Env: l.env}
	began := time.Now()
	err := cmd.Run()
	took := time.Since(began)
	require.NoError(b, err, l.name)
	return took
}

// stats returns the fastest and the median time of one launcher.
func (l *launcher) stats() (fastest, median time.Duration) {
	s := slices.Sorted(slices.Values(l.took))
	return s[0], s[len(s)/2]
}

func report(b *testing.B, launchers []launcher) {
	ms := func(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond)) }
	directMin, directMedian := launchers[0].stats()
	added := map[string][2]time.Duration{}
	for i := range launchers {
		fastest, median := launchers[i].stats()
		added[launchers[i].name] = [2]time.Duration{fastest - directMin, median - directMedian}
	}
	least := added[onlyExecs]
	ratio := func(name string, i int) float64 { return float64(added[name][i]) / float64(least[i]) }
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\nLAUNCHER\t+ MIN ms\t+ MEDIAN ms\tx GO EXEC (min)\t(median)\n")
	for i := range launchers {
		name := launchers[i].name
		if i == 0 {
			fmt.Fprintf(w, "%s\t(%s)\t(%s)\t\t\n", name, ms(directMin), ms(directMedian))
			continue
		}
		a := added[name]
		fmt.Fprintf(w, "%s\t%s\t%s\t%.2f\t%.2f\n", name, ms(a[0]), ms(a[1]), ratio(name, 0), ratio(name, 1))
	}
	require.NoError(b, w.Flush())
	fmt.Println(out.String()) // b.Log would cut the text off after a few lines
	for name, unit := range map[string]string{plainPath: "plain", withModel: "model", withFiles: "files"} {
		b.ReportMetric(ratio(name, 1), unit+"-x-go-exec-median")
	}
	b.ReportMetric(float64(added[plainPath][1])/float64(added[uvRun][1]), "x-uv-run-median")
	b.ReportMetric(0, "ns/op") // the time of a whole round is meaningless
}

const (
	onlyExecs = "Go that only execs"
	plainPath = "modelrun"
	withModel = "modelrun, model in the folder"
	withFiles = "modelrun, user + project file, root profile"
	uvRun     = "uv run --no-sync"
)

// newLaunchers builds the programs. The first launcher starts the program directly.
func newLaunchers(b *testing.B) []launcher {
	dir := b.TempDir()
	index := torchShape(b, filepath.Join(dir, "index"))
	r := torchSandbox(b, filepath.Join(dir, "plain"), index, false)
	files := torchSandbox(b, filepath.Join(dir, "files"), index, true)
	user := filepath.Join(files.dir, "home", ".config", "modelrun", "config.toml")
	if runtime.GOOS == "windows" {
		user = filepath.Join(files.dir, "home", "AppData", "Roaming", "modelrun", "config.toml")
	}
	require.NoError(b, os.MkdirAll(filepath.Dir(user), 0o755))
	require.NoError(b, os.WriteFile(user, []byte("wait = '30m'\n\n[env]\nHF_HUB_OFFLINE = '1'\n"), 0o600))
	require.NoError(b, os.WriteFile(filepath.Join(files.model, "modelrun.toml"), []byte("root = '"+string(files.root)+"'\nmodel = '.'\n"), 0o600))

	goExec, target := execOnly(b, dir)
	all := []launcher{
		{name: "none", argv: []string{target}},
		{name: onlyExecs, argv: []string{goExec, target}},
		{name: plainPath, argv: []string{r.bin, "--", target}, dir: dir, env: append(r.env[:len(r.env):len(r.env)], "MODELRUN_ENV="+torchKey)},
		{name: withModel, argv: []string{r.bin, "--", target}},
		{name: withFiles, argv: []string{r.bin, "--", target}, dir: files.model, env: files.env[1:]},
		{name: "modelrun with an option", argv: []string{r.bin, "--family", "transformers", "--", target}},
	}
	if gcc, err := exec.LookPath("gcc"); err == nil && runtime.GOOS != "windows" {
		file := filepath.Join(dir, "cexec")
		out, err := exec.Command(gcc, "-O2", "-x", "c", "-o", file, "testdata/execonly/main.c.txt").CombinedOutput()
		require.NoError(b, err, "%s", out)
		all = append(all, launcher{name: "C that only execs", argv: []string{file, target}})
	}
	if env, err := exec.LookPath("env"); err == nil {
		all = append(all, launcher{name: "env(1)", argv: []string{env, target}})
	}
	uvProject := filepath.Join(dir, "uv")
	require.NoError(b, os.MkdirAll(uvProject, 0o755))
	require.NoError(b, os.WriteFile(filepath.Join(uvProject, "pyproject.toml"),
		[]byte("[project]\nname = 'p'\nversion = '1'\nrequires-python = '>=3.9'\n"), 0o600))
	all = append(all, launcher{name: uvRun, argv: []string{uvtest.Path(b), "run", "-q", "--no-sync", target}, dir: uvProject, env: r.env[1:]})
	for i := range all {
		if all[i].dir == "" {
			all[i].dir = r.model
		}
		if all[i].env == nil {
			all[i].env = r.env
		}
	}
	if other := os.Getenv("TEST_OTHER"); other != "" { // a release build to compare with
		for _, l := range slices.Clone(all) {
			if l.argv[0] == r.bin {
				l.name, l.argv = l.name+" (other)", append([]string{other}, l.argv[1:]...)
				all = append(all, l)
			}
		}
	}
	for _, l := range all {
		if l.argv[0] == r.bin { // the benchmark must use this environment
			out, err := (&exec.Cmd{Path: r.bin, Args: []string{r.bin, "which"}, Dir: l.dir, Env: l.env}).CombinedOutput()
			require.NoError(b, err, "%s: %s", l.name, out)
			require.Contains(b, string(out), torchKey, l.name)
		}
	}
	return all
}

// torchKey is the key of the benchmark's environment.
const torchKey = "torch-cpu-transformers5"

// torchShape makes an index whose transformers environment has torch's libraries,
// and as many distributions as a real one with torch.
func torchShape(b *testing.B, dir string) *uvtest.Index {
	ix := uvtest.NewIndex(b, dir)
	var more []string
	for i := range torchDistributions - 17 { // those of the family
		name := fmt.Sprintf("part-%03d", i)
		ix.Add(stand(name, "1.0.0"))
		more = append(more, name)
	}
	for _, w := range append(wheels(b), smallPip()) {
		switch w.Name {
		case "torch":
			for file := range torchLibraries() {
				w.Files[file] = ""
			}
		case "transformers":
			w.Requires = append(w.Requires, more...)
		}
		ix.Add(w)
	}
	return ix
}

// torchDistributions is about twice the number of distributions that
// examples/tiny-llm had in November 2026: 66, with 128 names in site-packages. With
// half of them the ratios are the same.
const torchDistributions = 128

// torchLibraries returns the files of torch that each launch checks, with their
// sizes in torch 2.11.0 with CUDA for Linux.
func torchLibraries() map[string]int64 {
	prefix, ext := "torch/lib/lib", ".so"
	if runtime.GOOS == "windows" {
		prefix, ext = "torch/lib/", ".dll"
	}
	return map[string]int64{prefix + "c10" + ext: 1_498_969, prefix + "torch_cpu" + ext: 451_209_129, prefix + "torch_cuda" + ext: 456_142_457}
}

// torchSandbox makes a model for that environment, and a root that holds it. The
// libraries have their real size but no content: they are sparse. With profile, the
// root has a profile equal to the built-in profile "cpu".
func torchSandbox(b *testing.B, dir string, index *uvtest.Index, profile bool) *sandbox {
	s := sandboxIn(b, dir)
	require.NoError(b, os.Remove(filepath.Join(s.model, "model.onnx")))
	require.NoError(b, os.WriteFile(filepath.Join(s.model, "config.json"), []byte(`{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "torch_dtype": "float16"}`), 0o600))
	if profile {
		cpu, err := os.ReadFile("../../resolve/profile/embedded/cpu.json")
		require.NoError(b, err)
		file := filepath.Join(string(s.root), "profiles", "bench.json")
		require.NoError(b, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(b, os.WriteFile(file, bytes.Replace(cpu, []byte(`"profile_id": "cpu"`), []byte(`"profile_id": "bench"`), 1), 0o600))
	}
	run := func(args ...string) {
		c := s.cmd(b, args...)
		c.Dir, c.Env = dir, append(append(s.env[:len(s.env):len(s.env)], creating(b)...), "MODELRUN_INDEX_DEFAULT="+index.URL(), "MODELRUN_INDEX_TORCH="+index.URL())
		out, err := c.CombinedOutput()
		require.NoError(b, err, "%s", out)
	}
	run("ensure", "-e", torchKey)
	env := s.root.Shared(torchKey)
	seal, err := os.ReadFile(env.Ready())
	require.NoError(b, err)
	packages, err := filepath.Glob(env.SitePackages("*"))
	require.NoError(b, err)
	require.Len(b, packages, 1)
	for file, size := range torchLibraries() {
		require.NoError(b, os.Truncate(filepath.Join(packages[0], file), size))
		old := fmt.Sprintf("%q: 0", file)
		require.Contains(b, string(seal), old)
		seal = bytes.Replace(seal, []byte(old), fmt.Appendf(nil, "%q: %d", file, size), 1)
	}
	require.NoError(b, os.WriteFile(env.Ready(), seal, 0o600))
	for range 2 { // first a verdict, then nothing that is noted for the first time
		run("--no-create", "--no-degraded", "-e", torchKey, "--", "python", "-c", "pass")
	}
	return s
}

// execOnly builds the Go program that only starts another one, and returns a
// program that ends at once.
func execOnly(b *testing.B, dir string) (goExec, target string) {
	if runtime.GOOS != "windows" {
		target, err := exec.LookPath("true")
		require.NoError(b, err)
		return buildRelease(b, filepath.Join(dir, "goexec"), "./testdata/execonly"), target
	}
	if goExec = filepath.Join(filepath.Dir(built), "execonly.exe"); os.Getenv("TEST_MODELRUN") == "" {
		goExec = buildRelease(b, filepath.Join(dir, "goexec.exe"), "./testdata/execonly")
	}
	return goExec, goExec // without an argument, the same program ends at once
}
