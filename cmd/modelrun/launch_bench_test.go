package main

import (
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

// BenchmarkLaunch prints what each launcher adds to starting a program
// directly, and reports the ratio of modelrun to a Go program that only execs.
// All take turns in one run, because a machine's speed changes from minute to
// minute; that is also why there is a ratio and no limit in milliseconds.
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
			l := &launchers[(i+round)%len(launchers)] // nobody always runs after the slowest
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

// fastest and median are of the times of one launcher.
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
	fmt.Println(out.String()) // b.Log is cut off after a few lines
	b.ReportMetric(ratio(plainPath, 0), "x-go-exec-min")
	b.ReportMetric(ratio(plainPath, 1), "x-go-exec-median")
	b.ReportMetric(float64(added[plainPath][1])/float64(added[uvRun][1]), "x-uv-run-median")
	b.ReportMetric(0, "ns/op") // of a whole round it would say nothing
}

const (
	onlyExecs = "Go that only execs"
	plainPath = "modelrun"
	uvRun     = "uv run --no-sync"
)

// newLaunchers builds the programs; the first launcher is none.
func newLaunchers(b *testing.B) []launcher {
	r, dir := sharedSandbox(b), b.TempDir()
	goExec, target := execOnly(b, dir)
	project := filepath.Join(dir, "project")
	require.NoError(b, os.CopyFS(project, os.DirFS(r.model)))
	require.NoError(b, os.WriteFile(filepath.Join(project, "modelrun.toml"), []byte("root = '"+r.root+"'\nmodel = '.'\n"), 0o600))
	noRoot := slices.DeleteFunc(slices.Clone(r.env), func(v string) bool { return strings.HasPrefix(v, "MODELRUN_ROOT=") })
	all := []launcher{
		{name: "none", argv: []string{target}},
		{name: onlyExecs, argv: []string{goExec, target}},
		{name: plainPath, argv: []string{r.bin, "--", target}},
		{name: "modelrun, project file", argv: []string{r.bin, "--", target}, dir: project, env: noRoot},
		{name: "modelrun with an option", argv: []string{r.bin, "--family", "onnx", "--", target}},
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
	all = append(all, launcher{name: uvRun, argv: []string{uvtest.Path(b), "run", "-q", "--no-sync", target}, dir: uvProject, env: noRoot})
	for i := range all {
		if all[i].dir == "" {
			all[i].dir = r.model
		}
		if all[i].env == nil {
			all[i].env = r.env
		}
	}
	return all
}

// execOnly is the Go program that only starts another, and a program that ends
// at once.
func execOnly(b *testing.B, dir string) (goExec, target string) {
	if runtime.GOOS != "windows" {
		target, err := exec.LookPath("true")
		require.NoError(b, err)
		return buildRelease(b, filepath.Join(dir, "goexec"), "./testdata/execonly"), target
	}
	if goExec = filepath.Join(filepath.Dir(built), "execonly.exe"); os.Getenv("TEST_MODELRUN") == "" {
		goExec = buildRelease(b, filepath.Join(dir, "goexec.exe"), "./testdata/execonly")
	}
	return goExec, goExec // without an argument it is the program
}
