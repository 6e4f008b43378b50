package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/uv/uvtest"
)

// BenchmarkList prints the time of `list` for 50 envs of 20,000 files each, half of
// them byte code, with and without seals.
//
// modelrun makes one of the envs; the others are hard links to it. So a walk finds
// more shared files than in real roots.
func BenchmarkList(b *testing.B) {
	const envs, modules = 50, 10000
	r, dir := sharedSandbox(b), b.TempDir()
	index := uvtest.NewIndex(b, filepath.Join(dir, "index"))
	files := map[string]string{"fat/__init__.py": ""}
	for i := range modules {
		files[fmt.Sprintf("fat/p%d/m%d.py", i/50, i)] = strings.Repeat("x = 1\n", i%100)
	}
	index.Add(uvtest.Wheel{Name: "fat", Version: "1.0", Files: files})
	root := envdir.Root(filepath.Join(dir, "root"))
	require.NoError(b, os.MkdirAll(root.Envs(), 0o755))
	require.NoError(b, os.WriteFile(filepath.Join(string(root), "modelrun.toml"), []byte("[envs.fat-0]\npackages = ['fat']\nimports = ['fat']\n"), 0o600))
	run := func(args ...string) time.Duration {
		c := r.cmd(b, args...)
		c.Dir = string(root)
		c.Env = append(r.newcomer(b, string(root)), "MODELRUN_INDEX_DEFAULT="+index.URL())
		began := time.Now()
		out, err := c.CombinedOutput()
		require.NoError(b, err, "%s", out)
		return time.Since(began)
	}
	run("ensure", "-e", "fat-0")
	first := root.Shared("fat-0")
	seal, err := os.ReadFile(first.Ready())
	require.NoError(b, err)
	for i := 1; i < envs; i++ {
		d := root.Shared(envdir.Key(fmt.Sprintf("fat-%d", i)))
		out, err := exec.Command("cp", "-al", first.Path, d.Path).CombinedOutput()
		require.NoError(b, err, "%s", out)
		require.NoError(b, os.Remove(d.Ready()))
		require.NoError(b, os.WriteFile(d.Ready(), []byte(strings.Replace(string(seal), `"fat-0"`, `"`+d.Name+`"`, 1)), 0o600))
	}
	count := 0
	require.NoError(b, filepath.WalkDir(first.Path, func(_ string, e fs.DirEntry, err error) error { count++; return err }))
	for _, how := range []string{"sealed", "walked"} {
		if how == "walked" {
			for i := range envs {
				require.NoError(b, os.Remove(root.Shared(envdir.Key(fmt.Sprintf("fat-%d", i))).Ready()))
			}
		}
		var took []time.Duration
		for range 1 + max(b.N, 5) {
			took = append(took, run("list"))
		}
		took = took[1:] // the first run warms the disk cache
		slices.Sort(took)
		fmt.Printf("list, %d envs of %d files, %s: min %.2f s, median %.2f s\n", envs, count, how, took[0].Seconds(), took[len(took)/2].Seconds())
		b.ReportMetric(took[0].Seconds(), how+"-min-s")
	}
	b.ReportMetric(0, "ns/op") // the time of a whole round is meaningless
}
