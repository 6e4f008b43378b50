package health_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/health"
)

// TestStaticFindsDamage checks every kind of damage, and the exact line that the
// user reads. {venv}, {sp} and {home} are replaced by the env's folders.
func TestStaticFindsDamage(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the damage is done with links and modes")
	}
	rm := func(rel string) func(*testing.T, *env) {
		return func(t *testing.T, e *env) { require.NoError(t, os.RemoveAll(e.path(rel))) }
	}
	cfg := func(edit func(string) string) func(*testing.T, *env) {
		return func(t *testing.T, e *env) {
			data, err := os.ReadFile(e.Dir.Cfg())
			require.NoError(t, err)
			write(t, e.Dir.Cfg(), edit(string(data)))
		}
	}
	python := func(make func(t *testing.T, e *env, path string)) func(*testing.T, *env) {
		return func(t *testing.T, e *env) {
			require.NoError(t, os.Remove(e.Dir.Python()))
			make(t, e, e.Dir.Python())
		}
	}
	for name, tt := range map[string]struct {
		damage func(*testing.T, *env)
		code   health.Code
		reason string
		absent bool
		gpu    bool
	}{
		"no env": {
			damage: func(t *testing.T, e *env) { require.NoError(t, os.RemoveAll(e.Dir.Path)) },
			code:   health.CodeAbsent, reason: "there is no environment: {venv}", absent: true,
		},
		"python deleted": {
			damage: python(func(*testing.T, *env, string) {}),
			code:   health.CodeNoPython, reason: "python is missing: {venv}/bin/python",
		},
		"python dangles": {
			damage: python(func(t *testing.T, e *env, p string) { require.NoError(t, os.Symlink("/opt/gone/python3", p)) }),
			code:   health.CodeDangling, reason: "python is a dangling link: {venv}/bin/python -> /opt/gone/python3",
		},
		"python links to itself": {
			damage: python(func(t *testing.T, e *env, p string) { require.NoError(t, os.Symlink("python", p)) }),
			code:   health.CodeDangling, reason: "python is a dangling link: {venv}/bin/python -> python",
		},
		"python is a folder": {
			damage: python(func(t *testing.T, e *env, p string) { require.NoError(t, os.Mkdir(p, 0o755)) }),
			code:   health.CodeNoPython, reason: "python is no file: {venv}/bin/python",
		},
		"python is not executable": {
			damage: python(func(t *testing.T, e *env, p string) { write(t, p, "x") }),
			code:   health.CodeNoPython, reason: "python is not executable: {venv}/bin/python",
		},
		"python is a shim script": {
			damage: python(func(t *testing.T, e *env, p string) {
				write(t, p, "#!/bin/sh\nexec python3 \"$@\"\n")
				require.NoError(t, os.Chmod(p, 0o755))
			}),
			code: health.CodeNoPython, reason: "python is a script, not an interpreter: {venv}/bin/python",
		},
		"python is empty": {
			damage: python(func(t *testing.T, e *env, p string) {
				write(t, p, "")
				require.NoError(t, os.Chmod(p, 0o755))
			}),
			code: health.CodeNoPython, reason: "python is not a program: {venv}/bin/python",
		},
		"pyvenv.cfg deleted": {
			damage: func(t *testing.T, e *env) { require.NoError(t, os.Remove(e.Dir.Cfg())) },
			code:   health.CodeNoCfg, reason: "pyvenv.cfg is missing: {venv}/pyvenv.cfg",
		},
		"pyvenv.cfg emptied": {
			damage: cfg(func(string) string { return "" }),
			code:   health.CodeNoCfg, reason: "pyvenv.cfg cannot be used: {venv}/pyvenv.cfg: it has no home",
		},
		"base interpreter removed": {
			damage: cfg(func(s string) string { return "home = /opt/gone/bin\n" + s }),
			code:   health.CodeMovedBase, reason: "base interpreter moved: pyvenv.cfg says home = /opt/gone/bin, but there is no python",
		},
		"site-packages of another Python": {
			damage: cfg(func(s string) string { return s + "version = 3.4.1\n" }),
			code:   health.CodeTorn, reason: "site-packages is missing: {venv}/lib/python3.4/site-packages",
		},
		"dist-info deleted": {
			damage: rm("transformers-4.57.3.dist-info"), code: health.CodeMissing,
			reason: "package transformers is not installed: {sp}",
		},
		"killed installer": {
			damage: rm("transformers-4.57.3.dist-info/INSTALLER"), code: health.CodeTorn,
			reason: "package transformers has no INSTALLER: the install was interrupted",
		},
		"torch quarantined": {
			damage: rm("torch/version.py"), code: health.CodeTorn, reason: "torch/version.py is missing: {sp}",
		},
		"torch emptied by a power cut": {
			damage: func(t *testing.T, e *env) { write(t, e.path("torch/version.py"), "") },
			code:   health.CodeTorn, reason: "torch/version.py is empty: {sp}",
		},
		"a CPU build under a CUDA key": {
			damage: func(t *testing.T, e *env) {
				write(t, e.path("torch/version.py"), "__version__ = '2.5.1+cpu'\ncuda: Optional[str] = None\n")
			},
			code: health.CodeCPUBuild, reason: "torch 2.5.1+cpu has no CUDA, the key says cu121", gpu: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, envdir.Old)
			e.CUDA = tt.gpu
			tt.damage(t, &e)
			c, probes := checker(t)
			reason := strings.NewReplacer("{venv}", e.Dir.Venv(), "{sp}", e.packages).Replace(tt.reason)
			look, err := c.Look(e.Subject)
			require.NoError(t, err)
			check, err := c.Check(t.Context(), e.Subject)
			require.NoError(t, err)
			for _, v := range []health.Verdict{look, check} {
				require.Equal(t, health.Broken, v.State, v.Reason)
				require.Equal(t, tt.code, v.Code)
				require.Equal(t, reason, v.Reason)
				require.Equal(t, tt.absent, v.Absent)
				require.True(t, v.Cached)
			}
			require.Zero(t, probes(), "the files were enough")
		})
	}
}

func TestSealed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		damage func(*testing.T, *env)
		code   health.Code
		reason string
	}{
		"intact": {damage: func(*testing.T, *env) {}, code: health.CodeUnverified, reason: "not checked on this machine yet"},
		"library emptied": {
			damage: func(t *testing.T, e *env) { write(t, e.path(lib("torch_cuda")), "") },
			code:   health.CodeTorn, reason: "torch/lib/libtorch_cuda.so has 0 bytes, not 4: {sp}",
		},
		"library cut off": {
			damage: func(t *testing.T, e *env) { write(t, e.path(lib("torch_cpu")), "c") },
			code:   health.CodeTorn, reason: "torch/lib/libtorch_cpu.so has 1 bytes, not 3: {sp}",
		},
		"library quarantined": {
			damage: func(t *testing.T, e *env) { require.NoError(t, os.Remove(e.path(lib("c10")))) },
			code:   health.CodeTorn, reason: "torch/lib/libc10.so is missing: {sp}",
		},
		"library quarantined after python wrote byte code": {
			damage: func(t *testing.T, e *env) {
				require.NoError(t, os.Mkdir(e.path("__pycache__"), 0o755))
				require.NoError(t, os.Remove(e.path(lib("c10"))))
			},
			code: health.CodeTorn, reason: "torch/lib/libc10.so is missing: {sp}",
		},
		"the user upgraded torch": {
			damage: func(t *testing.T, e *env) {
				require.NoError(t, os.RemoveAll(e.path("torch-2.5.1+cu121.dist-info")))
				e.install(t, "torch", "2.6.0", map[string]string{lib("torch_cpu"): "newer"})
			},
			code: health.CodeUnverified, reason: "not checked on this machine yet",
		},
		"copied to another key": {
			damage: func(t *testing.T, e *env) {
				to := e.root.Shared("torch-cu124-transformers")
				require.NoError(t, os.Rename(e.Dir.Path, to.Path))
				e.Dir = to
			},
			code: health.CodeMismatch, reason: "READY.json is for torch-cu121-transformers, not torch-cu124-transformers: the folder was renamed or copied",
		},
		"seal cut off": {
			damage: func(t *testing.T, e *env) { write(t, e.Dir.Ready(), `{"schema": 1, "build`) },
			code:   health.CodeUnverified, reason: "not checked on this machine yet",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if runtime.GOOS != "linux" {
				t.Skip("the names of torch's libraries are Linux's")
			}
			e := newEnv(t, envdir.Shared).seal(t)
			tt.damage(t, &e)
			c, _ := checker(t)
			v, err := c.Look(e.Subject)
			require.NoError(t, err)
			require.Equal(t, tt.code, v.Code, v.Reason)
			require.Equal(t, strings.ReplaceAll(tt.reason, "{sp}", e.packages), v.Reason)
			require.Equal(t, name == "intact" || name == "the user upgraded torch", v.Sealed)
		})
	}
}

func TestNewSeal(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envdir.Shared).seal(t)
	s, ok, err := health.ReadSeal(e.Dir)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, key, s.Key)
	require.Equal(t, map[string]string{"torch": "2.5.1+cu121", "transformers": "4.57.3"}, s.Dists)
	require.Equal(t, health.SealedTorch{Version: "2.5.1+cu121", CUDA: "12.1"}, s.Torch)
	require.Equal(t, 2, s.Packages)
	require.Len(t, s.BuildID, 32)
	require.EqualValues(t, len("c10"), s.Files[lib("c10")])
	require.Equal(t, "abc", s.Plan)
	real, err := filepath.EvalSymlinks(e.Dir.Python())
	require.NoError(t, err)
	require.Equal(t, real, s.Python.Realpath)
}

// TestDriftOf checks that changes are listed in a printable form, and that only
// valid requirements are offered for a command. A seal of a later schema counts as
// missing, and so does a folder.
func TestDriftOf(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envdir.Shared).seal(t)
	require.Equal(t, health.Drift{}, health.DriftOf(e.Dir))
	e.install(t, "extra-thing", "1.0", nil)
	e.install(t, "ev il", "1.0", nil)
	require.NoError(t, os.Rename(e.path("transformers-4.57.3.dist-info"), e.path("transformers-4.60.0.dist-info")))
	require.NoError(t, os.RemoveAll(e.path("torch-2.5.1+cu121.dist-info")))
	require.Equal(t, health.Drift{
		Changed: true, Reinstall: []string{"extra-thing==1.0", "transformers==4.60.0"},
		Changes: []string{"+ev?il 1.0", "+extra-thing 1.0", "-torch 2.5.1+cu121", "~transformers 4.57.3 -> 4.60.0"},
	}, health.DriftOf(e.Dir))

	data, err := os.ReadFile(e.Dir.Ready())
	require.NoError(t, err)
	write(t, e.Dir.Ready(), strings.Replace(string(data), `"schema": 1,`, `"schema": 2,`, 1))
	_, ok, err := health.ReadSeal(e.Dir)
	require.NoError(t, err)
	require.False(t, ok)
	require.Equal(t, health.Drift{}, health.DriftOf(e.Dir))

	require.NoError(t, os.Remove(e.Dir.Ready()))
	require.NoError(t, os.Mkdir(e.Dir.Ready(), 0o755))
	_, ok, err = health.ReadSeal(e.Dir)
	require.NoError(t, err)
	require.False(t, ok)
}

func TestErrorsOfTheDiskAreNotVerdicts(t *testing.T) {
	t.Parallel()
	if os.Getuid() <= 0 {
		t.Skip("NOT TESTED: a file that cannot be read: root reads everything, and Windows has no modes")
	}
	e := newEnv(t, envdir.Shared)
	require.NoError(t, os.Chmod(e.Dir.Path, 0))
	t.Cleanup(func() { _ = os.Chmod(e.Dir.Path, 0o755) }) // the folder may have been removed
	c, _ := checker(t)
	_, err := c.Look(e.Subject)
	require.ErrorIs(t, err, os.ErrPermission)
	// The hint names the closed folder, not what is in it: ls could not look
	// there either.
	require.Equal(t, "see who may read it: ls -ld "+e.Dir.Path, fault.RemedyOf(err))
	require.Equal(t, 1, strings.Count(err.Error(), e.Dir.Path), err.Error())
}
