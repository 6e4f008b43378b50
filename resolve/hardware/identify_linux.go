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

// under returns a path of this machine, or of the one that a test simulates.
func under(env execx.Environ, path string) string {
	if dir := env.Get("MODELRUN_HARDWARE_ROOT"); filepath.IsAbs(dir) { // with a relative one, a program in the working directory could be run
		return filepath.Join(dir, path)
	}
	return path
}

// deviceFiles reports whether a program could open a GPU at all.
func deviceFiles(env execx.Environ) bool {
	return fileExists(under(env, "/dev/nvidiactl")) || fileExists(under(env, "/dev/dxg"))
}

// identify reads sysfs and procfs. Without a GPU that is about ten failed
// opens.
func identify(env execx.Environ) Identity {
	id := Identity{OS: "linux", Arch: runtime.GOARCH, Libc: libc(env)}
	if v := nvidiaDriver(env); v != "" {
		id.Vendor, id.Driver = "nvidia", v
		entries, _ := os.ReadDir(under(env, "/proc/driver/nvidia/gpus")) // does not exist in some containers
		for _, e := range entries {
			// The PCI device number detects a GPU that was swapped in the same
			// slot.
			id.GPUs = append(id.GPUs, strings.TrimSpace(e.Name()+" "+readLine(under(env, "/sys/bus/pci/devices/"+strings.ToLower(e.Name())+"/device"))))
		}
		return id
	}
	if fileExists(under(env, "/dev/dxg")) && fileExists(under(env, "/usr/lib/wsl/lib/libcuda.so.1")) {
		id.Vendor = "nvidia" // WSL: the driver belongs to Windows; only nvidia-smi knows its version
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

// nvidiaDriver returns the version of the loaded kernel module, or "".
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

// amdTargets returns the GPUs that ROCm sees. 110003 is gfx1103, 90500 is
// gfx950, and 0 is a CPU.
func amdTargets(env execx.Environ) []string {
	dir := under(env, "/sys/class/kfd/kfd/topology/nodes")
	entries, _ := os.ReadDir(dir) // without kfd there are none
	var out []string
	for _, e := range entries {
		data, _ := os.ReadFile(filepath.Join(dir, e.Name(), "properties")) // an unreadable GPU is not usable
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

// gfx formats a target version as LLVM does: major, minor and step, the last
// two as hexadecimal digits.
func gfx(n int) string {
	return "gfx" + strconv.Itoa(n/10000) + strconv.FormatInt(int64(n/100%100), 16) + strconv.FormatInt(int64(n%100), 16)
}

// libc distinguishes the two libraries whose wheels differ, by musl's loader.
// That takes one failed stat; searching /lib took 28 µs of every launch.
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

// smiPaths returns the only paths from which nvidia-smi is run. They do not
// depend on the user's PATH or working directory.
func smiPaths(env execx.Environ) []string {
	var out []string
	for _, dir := range []string{"/usr/bin", "/usr/lib/wsl/lib", "/usr/local/bin", "/usr/local/nvidia/bin", "/opt/bin"} {
		out = append(out, under(env, dir+"/nvidia-smi"))
	}
	return out
}

// queryLibrary does nothing on Linux: NVIDIA's library would need cgo.
// nvidia-smi comes with it.
func queryLibrary(context.Context, execx.Environ, time.Duration) ([]GPU, string) { return nil, "" }

// modelNames returns the GPUs' names from the kernel module.
func modelNames(env execx.Environ, addresses []string) []string {
	var out []string
	for _, a := range addresses {
		a, _, _ = strings.Cut(a, " ")
		data, _ := os.ReadFile(under(env, "/proc/driver/nvidia/gpus/"+a+"/information")) // unreadable: no name
		for line := range strings.Lines(string(data)) {
			if name, ok := strings.CutPrefix(line, "Model:"); ok {
				out = append(out, strings.TrimSpace(name))
			}
		}
	}
	return out
}

// readLine returns the first line of a small file, or "" if it cannot be read.
func readLine(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(data), "\n")
	return strings.TrimSpace(line)
}

// fileExists follows links.
func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
