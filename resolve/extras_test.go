package resolve

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// makeEnv makes the files of an env that are read without looking into a package.
func makeEnv(t *testing.T, d envdir.Dir, names ...string) {
	t.Helper()
	packages := d.SitePackages("3.12")
	for _, name := range append([]string{""}, names...) {
		require.NoError(t, os.MkdirAll(filepath.Join(packages, name), 0o755))
	}
	require.NoError(t, os.MkdirAll(d.Scripts(), 0o755))
	require.NoError(t, os.WriteFile(d.Python(), nil, 0o755)) //nolint:gosec // a python is executable
	home := filepath.Dir(d.Python())
	require.NoError(t, os.WriteFile(d.Cfg(), []byte("home = "+home+"\nversion = 3.12.4\n"), 0o600))
}

func parseNeeds(t *testing.T, list ...string) (out []requirement.Requirement) {
	t.Helper()
	for _, s := range list {
		r, err := requirement.Parse(s)
		require.NoError(t, err)
		out = append(out, r)
	}
	return requirement.Set(out)
}

func TestCheckNeeds(t *testing.T) {
	t.Parallel()
	d := envdir.Root(t.TempDir()).Shared("key")
	makeEnv(t, d, "rich-13.7.1.dist-info", "Typing_Extensions-4.12.dist-info", "torch-2.5.1+cpu.dist-info", "~httpx-0.27.dist-info", "old_one-1.0rc1-py3.12.egg-info", "odd-nonsense.dist-info")
	for need, want := range map[string]string{
		"rich":                           "",
		"Rich>=13,<14":                   "",
		"rich<13":                        "rich<13 (it has 13.7.1)",
		"typing.extensions==4.12.0":      "",
		"torch==2.5.1":                   "",
		"torch==2.5.1+cu121":             "torch==2.5.1+cu121 (it has 2.5.1+cpu)",
		"httpx":                          "httpx", // a leftover of pip does not count as installed
		"old-one>=0.9":                   "",      // an installed pre-release counts
		"odd":                            "",
		"odd>=1":                         "odd>=1 (it has nonsense)",
		"rich[jupyter]":                  "rich[jupyter] (whether it has that extra cannot be seen)",
		"nothing":                        "nothing",
		"nothing; python_version<'3.9'":  "",
		"nothing; python_version>'3.9'":  "nothing",
		"nothing; os_name == 'anything'": "",
		"python>=3.12.4":                 "",
		"python>=3.13":                   "python>=3.13 (it has 3.12.4)",
	} {
		v, err := (&Request{With: parseNeeds(t, need)}).checkNeeds(d)
		require.NoError(t, err)
		if want == "" {
			require.Zero(t, v, need)
			continue
		}
		require.Equal(t, health.Verdict{State: health.Broken, Code: health.CodeLacks, Cached: true, Reason: "lacks " + want}, v, need)
	}
	seal := `{"schema":1,"build_id":"1","key":"key","with":["rich[jupyter]"]}`
	require.NoError(t, os.WriteFile(d.Ready(), []byte(seal), 0o600))
	v, err := (&Request{With: parseNeeds(t, "rich[jupyter]")}).checkNeeds(d)
	require.NoError(t, err)
	require.Zero(t, v, "the seal lists it")
	v, err = (&Request{With: parseNeeds(t, "rich[jupyter]>=13")}).checkNeeds(d)
	require.NoError(t, err)
	require.NotZero(t, v, "the seal lists no version")
}

// TestBaseIsNotRebuiltForExtras checks that the env of a key is not replaced for needs beyond the key.
func TestBaseIsNotRebuiltForExtras(t *testing.T) {
	t.Parallel()
	root := envdir.Root(t.TempDir())
	require.NoError(t, os.MkdirAll(root.Locks(), 0o755))
	makeEnv(t, root.Shared("key"), "transformers-4.40.dist-info")
	var creating bool
	req := request(root, Policy{}, true)
	req.With = parseNeeds(t, "transformers>=4.50")
	d := deps(root, checker{verdicts: map[envdir.Kind]health.Verdict{envdir.Shared: healthy}}, &creating)
	_, trace, err := Ensure(d).Resolve(t.Context(), req)
	require.Error(t, err)
	require.False(t, creating)
	require.Equal(t, fault.NoEnv, trace[2].Code)
	require.Equal(t, "key was built by another process and lacks transformers>=4.50 (it has 4.40)", trace[2].Reason)
	// A separate env that lost what it was made for is replaced.
	req.Base = "other"
	_, _, err = Ensure(d).Resolve(t.Context(), req)
	require.Error(t, err)
	require.True(t, creating)
}

func TestWanted(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("quotes are others there")
	}
	req := Request{Base: "onnx-cpu", Key: "onnx-cpu--x-01234567", With: parseNeeds(t, "rich", "httpx>=1")}
	require.Equal(t, " --env onnx-cpu --with 'httpx>=1' --with rich", req.Wanted())
	drift := health.Drift{Changes: []string{"+rich 13.7", "-foo 1.0"}, Reinstall: []string{"rich==13.7"}}
	require.Equal(t, "what was changed by hand in onnx-cpu--x-01234567 is not in the new environment: +rich 13.7, -foo 1.0. To put it back, run: "+
		"modelrun --env onnx-cpu --with 'httpx>=1' --with rich -- pip install rich==13.7; or have an environment with it: "+
		"modelrun --env onnx-cpu --with 'httpx>=1' --with rich --with rich==13.7 -- …", changesLost(&req, drift))
}
