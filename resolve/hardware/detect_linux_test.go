package hardware

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/execx/execxtest"
)

// box is a simulated machine: a folder that prefixes /sys, /proc and the paths
// of nvidia-smi.
type box struct {
	t   *testing.T
	dir string
	env execx.Environ
}

func newBox(t *testing.T, env ...string) *box {
	t.Helper()
	dir := t.TempDir()
	return &box{t, dir, execx.NewEnviron(append(env, "MODELRUN_HARDWARE_ROOT="+dir, "PATH=/usr/bin:/bin"))}
}

func (b *box) file(path, text string) *box {
	b.t.Helper()
	full := filepath.Join(b.dir, path)
	require.NoError(b.t, os.MkdirAll(filepath.Dir(full), 0o755))
	require.NoError(b.t, os.WriteFile(full, []byte(text), 0o644))
	return b
}

func (b *box) program(path, text string) *box {
	b.t.Helper()
	require.NoError(b.t, execxtest.Write(filepath.Join(b.dir, path), []byte(text)))
	return b
}

// driver adds a loaded kernel module with one GPU per name.
func (b *box) driver(version string, names ...string) *box {
	b.t.Helper()
	b.file("/sys/module/nvidia/version", version+"\n").file("/dev/nvidiactl", "")
	for i, name := range names {
		address := fmt.Sprintf("0000:%02x:00.0", i+1)
		b.file("/proc/driver/nvidia/gpus/"+address+"/information", "Model: \t\t "+name+"\nIRQ:   \t\t 61\n")
		b.file("/sys/bus/pci/devices/"+address+"/device", fmt.Sprintf("0x22%02d\n", i))
	}
	return b
}

// smi adds an nvidia-smi that runs a script.
func (b *box) smi(script string) *box {
	b.t.Helper()
	return b.program("/usr/bin/nvidia-smi", "#!/bin/sh\n"+script+"\n")
}

// says adds an nvidia-smi that prints these lines.
func (b *box) says(lines ...string) *box {
	b.t.Helper()
	return b.smi("cat <<'END'\n" + strings.Join(lines, "\n") + "\nEND")
}

func (b *box) detect() Machine {
	b.t.Helper()
	m, err := detect(context.Background(), Identify(b.env), b.env, 20*time.Second)
	require.NoError(b.t, err)
	return m
}

const (
	rtx3090 = "0, GPU-1b2c, NVIDIA GeForce RTX 3090, 550.54.14, 24576, 8.6"
	rtx3060 = "1, GPU-2c3d, NVIDIA GeForce RTX 3060, 550.54.14, 12288, 8.6"
)

func TestDetect(t *testing.T) {
	t.Parallel()
	// The answer of a driver of the 470 series.
	const old470 = `case "$1" in *compute_cap*) echo 'Field "compute_cap" is not a valid field to query.'; echo; exit 1;; esac
echo '0, GPU-1, NVIDIA GeForce GTX 1080 Ti, 470.256.02, 11178'`
	wsl := func(b *box) *box {
		return b.file("/dev/dxg", "").file("/usr/lib/wsl/lib/libcuda.so.1", "x")
	}
	for name, c := range map[string]struct {
		make func(b *box) *box
		env  []string
		want string // Machine.String
		gpu  bool   // HasGPU
	}{
		"none": {func(b *box) *box { return b }, nil, "no GPU", false},
		"RTX 3090": {func(b *box) *box { return b.driver("550.54.14", "x").says(rtx3090) }, nil,
			"NVIDIA GeForce RTX 3090 (8.6), driver 550.54.14", true},
		"GTX 1060, driver 525": {func(b *box) *box {
			return b.driver("525.147.05", "x").says("0, GPU-1, NVIDIA GeForce GTX 1060 6GB, 525.147.05, 6144, 6.1")
		}, nil, "NVIDIA GeForce GTX 1060 6GB (6.1), driver 525.147.05", true},
		"RTX 5090": {func(b *box) *box {
			return b.driver("572.16", "x").says("0, GPU-1, NVIDIA GeForce RTX 5090, 572.16, 32607, 12.0")
		}, nil, "NVIDIA GeForce RTX 5090 (12.0), driver 572.16", true},
		"H100": {func(b *box) *box {
			return b.driver("535.104.05", "x").says("0, GPU-1, NVIDIA H100 80GB HBM3, 535.104.05, 81559, 9.0")
		}, nil, "NVIDIA H100 80GB HBM3 (9.0), driver 535.104.05", true},
		"two": {func(b *box) *box { return b.driver("550.54.14", "x", "y").says(rtx3090, rtx3060) }, nil,
			"NVIDIA GeForce RTX 3090 (8.6), NVIDIA GeForce RTX 3060 (8.6), driver 550.54.14", true},
		"the second": {func(b *box) *box { return b.driver("550.54.14", "x", "y").says(rtx3090, rtx3060) }, []string{"CUDA_VISIBLE_DEVICES=1"},
			"NVIDIA GeForce RTX 3060 (8.6), driver 550.54.14", true},
		"by UUID": {func(b *box) *box { return b.driver("550.54.14", "x", "y").says(rtx3090, rtx3060) }, []string{"CUDA_VISIBLE_DEVICES=GPU-2c"},
			"NVIDIA GeForce RTX 3060 (8.6), driver 550.54.14", true},
		"the first, and one that is not there": {func(b *box) *box { return b.driver("550.54.14", "x", "y").says(rtx3090, rtx3060) }, []string{"CUDA_VISIBLE_DEVICES=0,7"},
			"NVIDIA GeForce RTX 3090 (8.6), driver 550.54.14", true},
		"one that is not there, first": {func(b *box) *box { return b.driver("550.54.14", "x", "y").says(rtx3090, rtx3060) }, []string{"CUDA_VISIBLE_DEVICES=7,0"},
			"no usable GPU (CUDA_VISIBLE_DEVICES=7,0 names no GPU of this machine)", false},
		"two that differ, by index": {func(b *box) *box {
			return b.driver("550.54.14", "x", "y").says("0, GPU-1, NVIDIA GeForce GTX 1060 6GB, 550.54.14, 6144, 6.1", rtx3090)
		}, []string{"CUDA_VISIBLE_DEVICES=0"}, "NVIDIA GeForce GTX 1060 6GB (6.1), NVIDIA GeForce RTX 3090 (8.6), driver 550.54.14", true},
		"two that differ, by index of the bus": {func(b *box) *box {
			return b.driver("550.54.14", "x", "y").says("0, GPU-1, NVIDIA GeForce GTX 1060 6GB, 550.54.14, 6144, 6.1", rtx3090)
		}, []string{"CUDA_VISIBLE_DEVICES=0", "CUDA_DEVICE_ORDER=PCI_BUS_ID"}, "NVIDIA GeForce GTX 1060 6GB (6.1), driver 550.54.14", true},
		"a lost GPU": {func(b *box) *box {
			return b.driver("550.54.14", "NVIDIA L4").smi("echo 'Unable to determine the device handle for GPU0000:01:00.0: GPU is lost. Reboot the system to recover this GPU'; exit 15")
		}, nil, "no usable GPU (nvidia-smi fails: Unable to determine the device handle for GPU0000:01:00.0: GPU is lost. Reboot the system to recover this GPU)", false},
		"a device that does not answer": {func(b *box) *box {
			return b.driver("550.54.14", "x", "y").says("0, [Unknown Error], [Unknown Error], [Unknown Error], [Unknown Error], [Unknown Error]", rtx3060)
		}, nil, "NVIDIA GeForce RTX 3060 (8.6), driver 550.54.14", true},
		"a container without its GPUs": {func(b *box) *box {
			b.driver("550.54.14", "NVIDIA L4")
			require.NoError(b.t, os.Remove(filepath.Join(b.dir, "dev/nvidiactl")))
			return b
		}, nil, "no usable GPU (the NVIDIA driver is loaded, but /dev/nvidiactl is not here: a container without its GPUs?)", false},
		"a MIG slice": {func(b *box) *box {
			return b.driver("535.104.05", "x").says("0, GPU-1, NVIDIA A100-SXM4-80GB, 535.104.05, [N/A], 8.0")
		}, []string{"CUDA_VISIBLE_DEVICES=MIG-8d5a"}, "NVIDIA A100-SXM4-80GB (8.0), driver 535.104.05", true},
		"a MIG slice by its older name": {func(b *box) *box {
			return b.driver("535.104.05", "x", "y").says("0, GPU-1a, Tesla V100-PCIE-16GB, 535.104.05, 16384, 7.0", "1, GPU-2b, NVIDIA A100-SXM4-80GB, 535.104.05, [N/A], 8.0")
		}, []string{"CUDA_VISIBLE_DEVICES=MIG-GPU-2b/1/0"}, "NVIDIA A100-SXM4-80GB (8.0), driver 535.104.05", true},
		"hidden, empty":  {func(b *box) *box { return b.driver("550.54.14", "x").says(rtx3090) }, []string{"CUDA_VISIBLE_DEVICES="}, "no GPU", false},
		"hidden, -1":     {func(b *box) *box { return b.driver("550.54.14", "x").says(rtx3090) }, []string{"CUDA_VISIBLE_DEVICES=-1"}, "no GPU", false},
		"driver 470":     {func(b *box) *box { return b.driver("470.256.02", "x").smi(old470) }, nil, "NVIDIA GeForce GTX 1080 Ti (6.1), driver 470.256.02", true},
		"no tool":        {func(b *box) *box { return b.driver("550.54.14", "NVIDIA L4") }, nil, "NVIDIA L4 (8.9), driver 550.54.14", true},
		"no tool, names": {func(b *box) *box { return b.driver("550.54.14") }, nil, "no usable GPU (the NVIDIA driver is loaded and no GPU answers)", false},
		"the tool fails": {func(b *box) *box { return b.driver("550.54.14", "NVIDIA L4").smi("echo broken >&2; exit 9") }, nil,
			"NVIDIA L4 (8.9), driver 550.54.14", true},
		"the tool cannot start": {func(b *box) *box {
			return b.driver("550.54.14", "NVIDIA L4").program("/usr/bin/nvidia-smi", "\x7fELF nonsense")
		}, nil, "NVIDIA L4 (8.9), driver 550.54.14", true},
		"the tool's interpreter is missing": {func(b *box) *box {
			return b.driver("550.54.14", "NVIDIA L4").program("/usr/bin/nvidia-smi", "#!/no/such/sh\n")
		}, nil, "NVIDIA L4 (8.9), driver 550.54.14", true},
		"the tool is not executable": {func(b *box) *box {
			return b.driver("550.54.14", "NVIDIA L4").file("/usr/bin/nvidia-smi", "")
		}, nil, "NVIDIA L4 (8.9), driver 550.54.14", true},
		"driver updated": {func(b *box) *box {
			return b.driver("550.54.14").smi("echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18")
		}, nil, "no usable GPU (the NVIDIA driver was updated while it is loaded (driver/library version mismatch): restart the machine)", false},
		"no device": {func(b *box) *box { return b.driver("550.54.14").smi("echo 'No devices were found'") }, nil,
			"no usable GPU (the NVIDIA driver finds no device)", false},
		"WSL": {func(b *box) *box {
			return wsl(b).program("/usr/lib/wsl/lib/nvidia-smi", "#!/bin/sh\necho '"+rtx3090+"'\n")
		}, nil, "NVIDIA GeForce RTX 3090 (8.6), driver 550.54.14", true},
		"the version file of /proc": {func(b *box) *box {
			return b.file("/proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build\nGCC\n").
				says("0, GPU-1, NVIDIA GeForce RTX 5080, 570.86.15, 16303, 12.0")
		}, nil, "NVIDIA GeForce RTX 5080 (12.0), driver 570.86.15", true},
		"AMD RX 7900": {func(b *box) *box {
			return b.file("/sys/class/kfd/kfd/topology/nodes/0/properties", "cpu_cores_count 16\ngfx_target_version 0\n").
				file("/sys/class/kfd/kfd/topology/nodes/1/properties", "simd_count 192\ngfx_target_version 110000\n").
				file("/sys/module/amdgpu/version", "6.8.5\n")
		}, nil, "AMD gfx1100, driver 6.8.5", true},
		"AMD, hidden": {func(b *box) *box {
			return b.file("/sys/class/kfd/kfd/topology/nodes/1/properties", "gfx_target_version 110000\n")
		}, []string{"HIP_VISIBLE_DEVICES=-1"}, "no GPU", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := c.make(newBox(t, c.env...)).detect()
			require.Equal(t, c.want, m.String())
			require.Equal(t, c.gpu, m.HasGPU())
			if !m.HasGPU() {
				require.Error(t, m.Serves("cu124", ""))
			}
			b := c.make(newBox(t, c.env...))
			require.Equal(t, Identify(b.env).Driver, b.detect().Driver, "what is cached is found again")
		})
	}
}

func TestDetectHungTool(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		names []string
		want  string
	}{
		"the driver knows the names": {[]string{"NVIDIA L4"}, "NVIDIA L4 (8.9), driver 550.54.14"},
		"they are unknown":           {nil, "no usable GPU (nvidia-smi gave no answer within 100ms)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBox(t).driver("550.54.14", c.names...).smi("exec sleep 1000")
			m, err := detect(t.Context(), Identify(b.env), b.env, 100*time.Millisecond)
			require.NoError(t, err)
			require.Equal(t, c.want, m.String())
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		t.Parallel()
		b := newBox(t).driver("550.54.14").smi("exec sleep 1000")
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := Detect(ctx, Identify(b.env), b.env)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

// TestDetectTrustsNoPath checks that an nvidia-smi that another user put into the
// working directory or on PATH is never run.
func TestDetectTrustsNoPath(t *testing.T) {
	plant := t.TempDir()
	marker := filepath.Join(plant, "ran")
	for _, path := range []string{"nvidia-smi", "bin/nvidia-smi"} {
		require.NoError(t, execxtest.Write(filepath.Join(plant, path), []byte("#!/bin/sh\ntouch "+marker+"\n")))
	}
	t.Chdir(plant)
	t.Setenv("PATH", plant+":"+plant+"/bin:.")
	b := newBox(t).driver("550.54.14", "NVIDIA L4")
	b.env = b.env.With("PATH", plant+":"+plant+"/bin:.")
	require.True(t, b.detect().HasGPU())
	require.NoFileExists(t, marker)
}

func TestID(t *testing.T) {
	t.Parallel()
	base := func(env ...string) *box { return newBox(t, env...).driver("550.54.14", "x", "y") }
	id := func(b *box) string { return Identify(b.env).ID() }
	first := id(base())
	require.Regexp(t, `^[0-9a-f]{12}$`, first)
	require.Equal(t, first, id(base()), "another folder, the same machine")
	seen := map[string]string{first: "the machine itself"}
	for name, b := range map[string]*box{
		"another driver":     base().file("/sys/module/nvidia/version", "550.90.07\n"),
		"a GPU less":         newBox(t).driver("550.54.14", "x"),
		"another GPU there":  base().file("/sys/bus/pci/devices/0000:01:00.0/device", "0x2684\n"),
		"another libc":       base().file("/lib/ld-musl-x86_64.so.1", "").file("/lib/ld-musl-aarch64.so.1", ""),
		"one GPU visible":    base("CUDA_VISIBLE_DEVICES=0"),
		"the other visible":  base("CUDA_VISIBLE_DEVICES=1"),
		"none visible":       base("CUDA_VISIBLE_DEVICES="),
		"no NVIDIA at all":   newBox(t),
		"hidden on none":     newBox(t, "CUDA_VISIBLE_DEVICES=-1"),
		"AMD's variable set": base("HIP_VISIBLE_DEVICES=0"),
	} {
		got := id(b)
		require.Empty(t, seen[got], "%s has the same ID", name)
		seen[got] = name
	}
}

func BenchmarkIdentifyNoGPU(b *testing.B) {
	env := execx.NewEnviron([]string{"MODELRUN_HARDWARE_ROOT=" + b.TempDir()})
	b.ReportAllocs()
	for b.Loop() {
		Identify(env)
	}
}

func BenchmarkIdentifyThisMachine(b *testing.B) {
	env := execx.NewEnviron(os.Environ())
	b.ReportAllocs()
	for b.Loop() {
		Identify(env)
	}
}
