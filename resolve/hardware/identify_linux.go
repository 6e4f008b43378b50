package hardware

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/modelrun/modelrun/execx"
)

// under is a path of this machine, or of the one that a test made up.
func under(env execx.Environ, path string) string {
	if dir := env.Get("MODELRUN_HARDWARE_ROOT"); filepath.IsAbs(dir) { // a relative one would run what lies in the working directory
		return filepath.Join(dir, path)
	}
	return path
}

// deviceFiles reports whether a program could open a GPU at all.
func deviceFiles(env execx.Environ) bool {
	return fileExists(under(env, "/dev/nvidiactl")) || fileExists(under(env, "/dev/dxg"))
}

// identify looks at sysfs and procfs: about ten failed opens without a GPU.
func identify(env execx.Environ) Identity {
	id := Identity{OS: "linux", Arch: runtime.GOARCH, Libc: libc(env)}
	if v := nvidiaDriver(env); v != "" {
		id.Vendor, id.Driver = "nvidia", v
		entries, _ := os.ReadDir(under(env, "/proc/driver/nvidia/gpus")) // none in some containers
		for _, e := range entries {
			// The PCI device number tells a GPU that was swapped in the same slot.
			id.GPUs = append(id.GPUs, strings.TrimSpace(e.Name()+" "+readLine(under(env, "/sys/bus/pci/devices/"+strings.ToLower(e.Name())+"/device"))))
		}
		return id
	}
	if fileExists(under(env, "/dev/dxg")) && fileExists(under(env, "/usr/lib/wsl/lib/libcuda.so.1")) {
		id.Vendor = "nvidia" // WSL: the driver is Windows', and only nvidia-smi tells it
		if info, err := os.Stat(under(env, "/usr/lib/wsl/lib/libcuda.so.1")); err == nil {
			id.GPUs = []string{"wsl " + strconv.FormatInt(info.Size(), 10) + " " + strconv.FormatInt(info.ModTime().Unix(), 10)}
		}
		return id
	}
	if gpus := amdTargets(env); len(gpus) > 0 {
		id.Vendor, id.GPUs, id.Driver = "amd", gpus, readLine(under(env, "/sys/module/amdgpu/version"))
	}
	return id
}

// nvidiaDriver is the version of the loaded kernel module, "" without one.
func nvidiaDriver(env execx.Environ) string {
	if v := readLine(under(env, "/sys/module/nvidia/version")); v != "" {
		return v
	}
	// "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22 …"
	for _, word := range strings.Fields(readLine(under(env, "/proc/driver/nvidia/version"))) {
		if major, _, ok := strings.Cut(word, "."); ok && numeric(major) {
			return word
		}
	}
	return ""
}

// amdTargets are the GPUs that ROCm sees: 110003 is gfx1103, 90500 is gfx950,
// 0 is a CPU.
func amdTargets(env execx.Environ) []string {
	dir := under(env, "/sys/class/kfd/kfd/topology/nodes")
	entries, _ := os.ReadDir(dir) // no kfd: none
	var out []string
	for _, e := range entries {
		data, _ := os.ReadFile(filepath.Join(dir, e.Name(), "properties")) // not readable: not usable
		for line := range strings.Lines(string(data)) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
			if n, err := strconv.Atoi(value); key == "gfx_target_version" && err == nil && n > 0 {
				out = append(out, gfx(n))
			}
		}
	}
	slices.Sort(out)
	return out
}

// gfx writes a target version as LLVM does: major, minor and step, the last two
// as hexadecimal digits.
func gfx(n int) string {
	return "gfx" + strconv.Itoa(n/10000) + strconv.FormatInt(int64(n/100%100), 16) + strconv.FormatInt(int64(n%100), 16)
}

// libc tells the two whose wheels differ, by musl's loader: one failed stat,
// where a search of /lib took 28 µs of every launch.
func libc(env execx.Environ) string {
	arch := runtime.GOARCH
	switch arch {
	case "amd64":
		arch = "x86_64"
	case "arm64":
		arch = "aarch64"
	}
	if fileExists(under(env, "/lib/ld-musl-"+arch+".so.1")) {
		return "musl"
	}
	return "glibc"
}

// smiPaths are the only places from which nvidia-smi is run: none that a user's
// PATH or working directory decides.
func smiPaths(env execx.Environ) []string {
	var out []string
	for _, dir := range []string{"/usr/bin", "/usr/lib/wsl/lib", "/usr/local/bin", "/usr/local/nvidia/bin", "/opt/bin"} {
		out = append(out, under(env, dir+"/nvidia-smi"))
	}
	return out
}

// askLibrary: NVIDIA's library takes cgo here; nvidia-smi comes with it.
func askLibrary(context.Context, execx.Environ, time.Duration) ([]GPU, string) { return nil, "" }

// modelNames are the GPUs' names as the kernel module tells them.
func modelNames(env execx.Environ, addresses []string) []string {
	var out []string
	for _, a := range addresses {
		a, _, _ = strings.Cut(a, " ")
		data, _ := os.ReadFile(under(env, "/proc/driver/nvidia/gpus/"+a+"/information")) // gone: no name
		for line := range strings.Lines(string(data)) {
			if name, ok := strings.CutPrefix(line, "Model:"); ok {
				out = append(out, strings.TrimSpace(name))
			}
		}
	}
	return out
}

// readLine is the first line of a small file, "" when it cannot be read.
func readLine(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(data), "\n")
	return strings.TrimSpace(line)
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
