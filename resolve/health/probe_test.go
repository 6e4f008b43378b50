package health_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/hardware"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/profile"
)

// TestProbe checks the verdict for everything that an import can do. A reason that
// ends in … is compared only up to there.
func TestProbe(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		vars   []string
		gpu    bool
		change func(*testing.T, *env)
		state  health.State
		code   health.Code
		reason string
		warn   []string
	}{
		"healthy":          {state: health.Healthy, code: health.CodeHealthy},
		"healthy on a GPU": {gpu: true, state: health.Healthy, code: health.CodeHealthy},
		"rubbish on stdout": {
			vars:  []string{`FAKE_DO=print("{\"done\": []}\nmodelrun-x done []"); sys.stdout.flush(); os.write(1, b"\xff\x00" * 70000)`},
			state: health.Healthy, code: health.CodeHealthy,
		},
		"streams closed": {vars: []string{"FAKE_DO=os.close(1); os.close(2)"}, state: health.Healthy, code: health.CodeHealthy},
		"forks":          {vars: []string{"FAKE_DO=os.fork()"}, state: health.Healthy, code: health.CodeHealthy},
		"sitecustomize raises": {
			change: func(t *testing.T, e *env) {
				write(t, e.path("sitecustomize.py"), "raise RuntimeError('not today')\n")
			},
			state: health.Healthy, code: health.CodeHealthy,
		},
		"module missing": {
			change: func(t *testing.T, e *env) { require.NoError(t, os.RemoveAll(e.path("transformers"))) },
			state:  health.Broken, code: health.CodeImport,
			reason: "cannot import transformers: ModuleNotFoundError: No module named 'transformers'",
		},
		"lazy part broken": {
			change: func(t *testing.T, e *env) {
				write(t, e.path("transformers/modeling_utils.py"), "raise ImportError('needs huggingface-hub>=0.34')\n")
			},
			state: health.Broken, code: health.CodeImport,
			reason: "cannot import transformers.modeling_utils: ImportError: needs huggingface-hub>=0.34",
		},
		"transformers refuses torch": {
			vars: []string{"FAKE_REFUSED=1"}, state: health.Broken, code: health.CodeImport,
			reason: "transformers does not accept the installed torch 2.5.1+cu121",
		},
		"import exits": {
			vars: []string{"FAKE_DO=sys.exit(3)"}, state: health.Broken, code: health.CodeImport,
			reason: "cannot import torch: SystemExit: 3",
		},
		"import ends the process": {
			vars: []string{"FAKE_DO=sys.stderr.write('first\\nlicence expired\\n'); os._exit(7)"}, state: health.Broken, code: health.CodeProbe,
			reason: "python ended with exit code 7 during import of torch: licence expired",
		},
		"import crashes": {
			vars: []string{"FAKE_DO=os.kill(os.getpid(), 11)"}, state: health.Broken, code: health.CodeProbe,
			reason: "python crashed during import of torch: Segmentation fault",
		},
		"import reads from nowhere": {
			vars: []string{"FAKE_DO=import faulthandler; faulthandler._sigsegv()"}, state: health.Broken, code: health.CodeProbe,
			reason: "python crashed during import of torch: …",
		},
		"killed": {
			vars: []string{"FAKE_DO=os.kill(os.getpid(), 9)"}, code: health.CodeOOM,
			reason: "python was killed during import of torch, as a system out of memory does",
		},
		"memory error": {vars: []string{"FAKE_DO=raise MemoryError"}, code: health.CodeOOM, reason: "cannot import torch: MemoryError"},
		"a library gets no threads": {
			vars: []string{"FAKE_DO=sys.stderr.write('OpenBLAS blas_thread_init: pthread_create failed for thread 5 of 16: Resource temporarily unavailable\\n'); sys.stderr.flush(); os.kill(os.getpid(), 11)"},
			code: health.CodeBusy, reason: "python ended during import of torch for want of memory, threads or files (see ulimit -a): …",
		},
		"no thread":          {vars: []string{"FAKE_DO=raise RuntimeError(\"can't start new thread\")"}, code: health.CodeBusy, reason: "cannot import torch: …"},
		"too many processes": {vars: []string{"FAKE_DO=raise BlockingIOError(11, 'Resource temporarily unavailable')"}, code: health.CodeBusy, reason: "cannot import torch: …"},
		"static TLS is no lack of memory": {
			vars:  []string{"FAKE_DO=raise ImportError('libgomp.so.1: cannot allocate memory in static TLS block')"},
			state: health.Broken, code: health.CodeImport,
			reason: "cannot import torch: ImportError: libgomp.so.1: cannot allocate memory in static TLS block",
		},
		"GPU out of memory": {
			vars: []string{"FAKE_KERNEL=CUDA out of memory. Tried to allocate 2 MiB"}, gpu: true, code: health.CodeOOM,
			reason: "torch cannot compute on the GPU: RuntimeError: CUDA out of memory. Tried to allocate 2 MiB",
		},
		"GPU in exclusive use": {
			vars: []string{"FAKE_KERNEL=CUDA error: CUDA-capable device(s) is/are busy or unavailable"}, gpu: true, code: health.CodeBusy,
			reason: "torch cannot compute on the GPU: RuntimeError: CUDA error: CUDA-capable device(s) is/are busy or unavailable",
		},
		"no kernel image": {
			vars: []string{"FAKE_KERNEL=CUDA error: no kernel image is available for execution on the device"}, gpu: true,
			state: health.Broken, code: health.CodeArch, reason: "torch cannot compute on the GPU: …",
		},
		"GPU too new": {
			vars: []string{"FAKE_GPU=NVIDIA GeForce RTX 5090=12.0"}, gpu: true, state: health.Broken, code: health.CodeArch,
			reason: "torch 2.5.1+cu121 has no code for NVIDIA GeForce RTX 5090 (12.0): built for 5.0 8.0 8.6 9.0",
		},
		"sees no GPU": {
			vars: []string{"FAKE_CUDA=0"}, gpu: true, state: health.Broken, code: health.CodeNoCUDA,
			reason: "torch 2.5.1+cu121 sees no GPU: RuntimeError: No CUDA GPUs are available",
		},
		"sees no GPU for now": {
			vars: []string{"FAKE_CUDA=0", "FAKE_INIT=CUDA driver initialization failed: system not yet initialized"}, gpu: true, code: health.CodeBusy,
			reason: "torch 2.5.1+cu121 sees no GPU: …",
		},
		"onnxruntime for the CPU": {
			gpu: true, state: health.Healthy, code: health.CodeHealthy,
			change: func(t *testing.T, e *env) {
				e.install(t, "onnxruntime", "1.20", map[string]string{
					"onnxruntime/__init__.py": "def get_available_providers():\n    return ['CPUExecutionProvider']\n",
				})
				e.Imports = append(e.Imports, profile.Import{Module: "onnxruntime", Dist: "onnxruntime"})
			},
			warn: []string{"onnxruntime is built without a GPU: models run on the CPU"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if runtime.GOOS == "windows" && (name == "forks" || name == "killed" || name == "import crashes") {
				t.Skip("no such thing on Windows")
			}
			e := newEnv(t, envdir.Old)
			e.CUDA = tt.gpu
			if tt.change != nil {
				tt.change(t, &e)
			}
			c, _ := checker(t, tt.vars...)
			v, err := c.Probe(t.Context(), e.Subject)
			require.NoError(t, err)
			require.Equal(t, tt.code, v.Code, v.Reason)
			require.Equal(t, tt.state, v.State)
			if begin, ok := strings.CutSuffix(tt.reason, "…"); ok {
				require.Contains(t, v.Reason, begin)
			} else {
				require.Equal(t, tt.reason, v.Reason)
			}
			require.Equal(t, tt.warn, append([]string(nil), v.Warnings...))
			require.False(t, v.Cached)
		})
	}
}

func TestProbeLeavesNoByteCode(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envdir.Old)
	c, _ := checker(t)
	_, err := c.Check(t.Context(), e.Subject)
	require.NoError(t, err)
	require.NoError(t, filepath.WalkDir(e.Dir.Path, func(path string, _ os.DirEntry, err error) error {
		require.NotEqual(t, ".pyc", filepath.Ext(path), path)
		return err
	}))
}

func TestHangingImport(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envdir.Old)
	c, probes := checker(t, "FAKE_DO=time.sleep(600)")
	c.Limit = 5 * time.Second // leaves python enough time to start
	v, err := c.Check(t.Context(), e.Subject)
	require.NoError(t, err)
	require.Equal(t, health.Unknown, v.State)
	require.Equal(t, health.CodeTimeout, v.Code)
	require.Equal(t, "import of torch did not end within 5s", v.Reason)
	v, err = c.Check(t.Context(), e.Subject)
	require.NoError(t, err)
	require.Equal(t, health.CodeTimeout, v.Code)
	require.True(t, v.Cached, "it counts for 60 s")
	require.Equal(t, 1, probes())
}

func TestCancelledCheck(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envdir.Old)
	c, _ := checker(t, "FAKE_DO=time.sleep(600)")
	ctx, cancel := context.WithCancel(t.Context())
	c.Notify = func(line string) {
		if line == "Checking environment org__model …" {
			cancel()
		}
	}
	_, err := c.Check(ctx, e.Subject)
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, c.State.(*memory).writes)
}

func TestCheckOnce(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envdir.Shared).seal(t)
	c, probes := checker(t)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			v, err := c.Check(t.Context(), e.Subject)
			if err != nil || v.State != health.Healthy || !v.Sealed || v.Seal.Plan != "abc" {
				t.Errorf("%+v %v", v, err)
			}
		})
	}
	wg.Wait()
	require.Equal(t, 1, probes())
	require.Equal(t, 1, c.State.(*memory).writes)
}

// TestFingerprint checks which changes invalidate a verdict, and which do not.
func TestFingerprint(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*testing.T, *env, *health.Checker)
		probes int
	}{
		"nothing": {func(*testing.T, *env, *health.Checker) {}, 1},
		"an install": {func(t *testing.T, e *env, _ *health.Checker) {
			e.install(t, "rich", "13.0", nil)
		}, 2},
		"torch's library": {func(t *testing.T, e *env, _ *health.Checker) {
			write(t, e.path(lib("c10")), "other")
		}, 2},
		"the driver": {func(_ *testing.T, _ *env, c *health.Checker) {
			c.Identity = hardware.Identity{Vendor: "nvidia", Driver: "550.54.14"}
		}, 2},
		"the library path": {func(_ *testing.T, _ *env, c *health.Checker) {
			c.Env = c.Env.With("LD_LIBRARY_PATH", "/opt/cuda/lib64")
		}, 2},
		"another variable": {func(_ *testing.T, _ *env, c *health.Checker) { c.Env = c.Env.With("LANG", "C") }, 1},
		"a rename of the root": {func(t *testing.T, e *env, _ *health.Checker) {
			to := envdir.Root(string(e.root) + "-moved")
			require.NoError(t, os.Rename(string(e.root), string(to)))
			t.Cleanup(func() { require.NoError(t, os.RemoveAll(string(to))) })
			e.Dir = to.Old("org__model")
		}, 2},
		"another need": {func(_ *testing.T, e *env, _ *health.Checker) {
			e.Imports = append(e.Imports, profile.Import{Module: "json"})
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, envdir.Old)
			c, probes := checker(t)
			_, err := c.Check(t.Context(), e.Subject)
			require.NoError(t, err)
			tt.change(t, &e, c)
			v, err := c.Check(t.Context(), e.Subject)
			require.NoError(t, err)
			require.Equal(t, health.Healthy, v.State, v.Reason)
			require.Equal(t, tt.probes, probes())
			require.Equal(t, tt.probes == 1, v.Cached)
		})
	}
}

// TestVerdictOfARelocatableEnvMovesWithIt checks that a relocatable env keeps its
// verdict, because publishing is a rename.
func TestVerdictOfARelocatableEnvMovesWithIt(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envdir.Old)
	cfg, err := os.ReadFile(e.Dir.Cfg())
	require.NoError(t, err)
	write(t, e.Dir.Cfg(), string(cfg)+"relocatable = true\n")
	c, probes := checker(t)
	_, err = c.Check(t.Context(), e.Subject)
	require.NoError(t, err)
	to := envdir.Root(string(e.root) + "-moved")
	require.NoError(t, os.Rename(string(e.root), string(to)))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(string(to))) })
	e.Dir = to.Old("org__model")
	v, err := c.Check(t.Context(), e.Subject)
	require.NoError(t, err)
	require.True(t, v.Cached)
	require.Equal(t, 1, probes())
}

func TestVerdictsOfTwoLibraryPathsAreBothCached(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envdir.Old)
	c, probes := checker(t)
	other := *c
	other.Env = c.Env.With("LD_LIBRARY_PATH", "/opt/cuda/lib64")
	for range 3 {
		for _, c := range []*health.Checker{c, &other} {
			_, err := c.Check(t.Context(), e.Subject)
			require.NoError(t, err)
		}
	}
	require.Equal(t, 2, probes())
}

func TestImportErrorStays(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envdir.Old)
	c, probes := checker(t, "FAKE_DO=raise ImportError('libcudart.so.12')")
	for range 2 {
		v, err := c.Check(t.Context(), e.Subject)
		require.NoError(t, err)
		require.Equal(t, health.Broken, v.State)
		require.Equal(t, "cannot import torch: ImportError: libcudart.so.12", v.Reason)
	}
	require.Equal(t, 1, probes())
}

// TestPythonThatDoesNotStart checks that this verdict is not cached: the reason may
// disappear without a trace in the env.
func TestPythonThatDoesNotStart(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envdir.Old)
	c, _ := checker(t)
	require.NoError(t, os.Remove(e.Dir.Python()))
	write(t, e.Dir.Python(), "\x7fELF\x02\x01"+strings.Repeat("\x00", 12)+map[string]string{"amd64": "\x3e", "arm64": "\xb7"}[runtime.GOARCH]+strings.Repeat("\x00", 60))
	require.NoError(t, os.Chmod(e.Dir.Python(), 0o755))
	v, err := c.Check(t.Context(), e.Subject)
	require.NoError(t, err)
	if runtime.GOOS == "linux" {
		require.Equal(t, health.CodeProbe, v.Code, v.Reason)
		require.Contains(t, v.Reason, "python cannot be started: ")
	}
	require.Equal(t, health.Broken, v.State)
	require.Zero(t, c.State.(*memory).writes)
}

func TestRecordAfterPublish(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envdir.Shared)
	final := e.Dir
	stage := e.root.Staging(key, "0123abcd")
	require.NoError(t, os.MkdirAll(e.root.Tmp(), 0o755))
	require.NoError(t, os.Rename(final.Path, stage.Path))
	e.Dir = stage
	c, probes := checker(t)
	v, err := c.Probe(t.Context(), e.Subject)
	require.NoError(t, err)
	require.Equal(t, health.Healthy, v.State, v.Reason)
	e.seal(t)
	require.NoError(t, os.Rename(stage.Path, final.Path))
	e.Dir = final
	require.NoError(t, c.Record(e.Subject, v))
	look, err := c.Look(e.Subject)
	require.NoError(t, err)
	require.Equal(t, health.Healthy, look.State)
	require.True(t, look.Sealed)
	_, err = c.Check(t.Context(), e.Subject)
	require.NoError(t, err)
	require.Equal(t, 1, probes())
}

func TestStateThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envdir.Old)
	c, _ := checker(t)
	c.State = &memory{broken: errors.New("read-only file system")}
	v, err := c.Check(t.Context(), e.Subject)
	require.NoError(t, err)
	require.Equal(t, health.Healthy, v.State, "an env is not broken because we cannot write")
	require.Equal(t, []string{"the result of the check cannot be kept, the next start checks again: read-only file system"}, v.Warnings)
}

// TestUncleanBoot checks files that a restart may have emptied, because they were
// not flushed before the seal.
func TestUncleanBoot(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envdir.Shared)
	seal, err := health.NewSeal(e.Dir, health.Seal{BootID: "boot-1", Imports: e.Imports})
	require.NoError(t, err)
	write(t, e.Dir.Ready(), string(seal.JSON()))
	c, probes := checker(t)
	v, err := c.Check(t.Context(), e.Subject)
	require.NoError(t, err)
	require.Equal(t, health.Healthy, v.State, v.Reason)
	victim := e.path("transformers/utils.py")
	require.NoError(t, os.Truncate(victim, 0))
	c.BootID = func() string { return "boot-2" }
	v, err = c.Check(t.Context(), e.Subject)
	require.NoError(t, err)
	require.Equal(t, health.CodeTorn, v.Code)
	require.Contains(t, v.Reason, "package transformers has a damaged file: "+victim+" has 0 bytes")
	require.Equal(t, 1, probes())
}

func TestPythonPath(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envdir.Old)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "torch.py"), "")
	other := filepath.Join(dir, "lib", "python3.9", "site-packages")
	c, _ := checker(t, "PYTHONPATH="+strings.Join([]string{dir, other, "sub", e.packages}, string(os.PathListSeparator)))
	c.Cwd = dir
	write(t, filepath.Join(dir, "sub", "transformers", "__init__.py"), "")
	want := []string{
		"PYTHONPATH hides the environment's torch: " + filepath.Join(dir, "torch.py"),
		"PYTHONPATH holds another Python's packages: " + other,
		"PYTHONPATH hides the environment's transformers: " + filepath.Join(dir, "sub", "transformers"),
	}
	for range 2 { // from the probe, then from the cache
		v, err := c.Check(t.Context(), e.Subject)
		require.NoError(t, err)
		require.Equal(t, health.Healthy, v.State, v.Reason)
		require.Equal(t, want, v.Warnings)
	}
}

func TestStarts(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envdir.Old)
	c, _ := checker(t)
	require.NoError(t, c.Starts(t.Context(), e.Dir))
	require.NoError(t, os.Remove(e.Dir.Python()))
	require.Error(t, c.Starts(t.Context(), e.Dir))
}

// BenchmarkCheckCached measures the launch path of a healthy env, which starts no
// process, writes nothing and lists one folder.
func BenchmarkCheckCached(b *testing.B) {
	e := newEnv(b, envdir.Shared).seal(b)
	for i := range 200 {
		require.NoError(b, os.Mkdir(e.path("package"+strings.Repeat("x", i%30)+string(rune('a'+i%26))+time.Duration(i).String()), 0o755))
	}
	c, probes := checker(b)
	_, err := c.Check(b.Context(), e.Subject)
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		v, err := c.Check(b.Context(), e.Subject)
		if err != nil || !v.Cached {
			b.Fatal(v, err)
		}
	}
	require.Equal(b, 1, probes())
}
