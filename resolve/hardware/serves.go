package hardware

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/modelrun/modelrun/resolve/requirement"
)

// Serves returns nil if a build for accel with this torch version ("" if not
// known) can run on a visible GPU, else the reason why not. Of several GPUs it need
// not run on all: see [Machine.Narrow]. The CPU serves everywhere. A GPU of unknown
// capability excludes nothing: the deep probe decides.
func (m Machine) Serves(accel, torch string) error {
	switch {
	case accel == "cpu" || accel == "":
		return nil
	case strings.HasPrefix(accel, "rocm"):
		return m.requireGPU("amd", "an AMD", accel)
	case accel == "mps":
		return m.requireGPU("apple", "an Apple", accel)
	case accel == "xpu":
		return m.requireGPU("intel", "an Intel", accel)
	case strings.HasPrefix(accel, "cu"):
		return m.servesCUDA(accel, torch)
	}
	return fmt.Errorf("accelerator %s is not known", accel)
}

// requireGPU returns an error if the machine has no usable GPU of a vendor.
func (m Machine) requireGPU(vendor, name, accel string) error {
	if m.Vendor != vendor || !m.HasGPU() {
		return fmt.Errorf("%s needs %s GPU; this machine has %s", accel, name, m)
	}
	return nil
}

// servesCUDA does the work of Serves for CUDA builds.
func (m Machine) servesCUDA(accel, torch string) error {
	if err := m.requireGPU("nvidia", "an NVIDIA", accel); err != nil {
		return err
	}
	cuda, err := strconv.Atoi(strings.TrimPrefix(accel, "cu"))
	if err != nil {
		return fmt.Errorf("accelerator %s is not known", accel)
	}
	if least := minDriver(cuda/10, m.OS); m.driver() != "" && versionLess(m.driver(), least) {
		return fmt.Errorf("CUDA build %s needs driver %s or newer; this machine has %s", accel, least, m.driver())
	}
	var first error
	for _, g := range m.GPUs {
		if g.CC == "" {
			return nil
		}
		err := g.checkBuild(accel, cuda, torch)
		if err == nil {
			return nil
		}
		first = cmp.Or(first, err)
	}
	return first
}

// minDriver returns the oldest driver that runs a CUDA major version, by
// NVIDIA's minor-version compatibility:
// https://docs.nvidia.com/deploy/cuda-compatibility
func minDriver(major int, system string) string {
	windows := system == "windows"
	switch {
	case major >= 13:
		return "580"
	case major == 12 && windows:
		return "528.33"
	case major == 12:
		return "525.60.13"
	case windows:
		return "452.39"
	}
	return "450.80.02"
}

// MinDriver returns the oldest NVIDIA driver of this system that runs a CUDA
// build such as cu121. It returns "" for other accelerators.
func (m Machine) MinDriver(accel string) string {
	n, err := strconv.Atoi(strings.TrimPrefix(accel, "cu"))
	if err != nil || !strings.HasPrefix(accel, "cu") {
		return ""
	}
	return minDriver(n/10, m.Identity.OS)
}

// archs returns the architectures for which the wheels of a CUDA build have
// code. The first case whose bound is above the torch version counts. Sources:
// PyTorch's RELEASE.md, pytorch/pytorch#172352 and #175253; for cu132 the wheel of
// torch 2.15.0 itself (torch._C._cuda_getArchFlags).
func archs(cuda int, torch string) string {
	older := func(v string) bool { return torch != "" && versionLess(torch, v) }
	switch {
	case cuda <= 124:
		return "5.0 6.0 7.0 7.5 8.0 8.6 9.0"
	case cuda == 126:
		return "5.0 6.0 7.0 7.5 8.0 8.6 9.0"
	case cuda < 130 && (older("2.8") || torch == ""): // unknown: the union over these versions
		return "5.0 6.0 7.0 7.5 8.0 8.6 9.0 10.0 12.0"
	case cuda < 130 && older("2.11"):
		return "7.0 7.5 8.0 8.6 9.0 10.0 12.0"
	case cuda < 130:
		return "7.5 8.0 8.6 9.0 10.0 12.0"
	}
	return "7.5 8.0 8.6 9.0 10.0 12.0"
}

// checkBuild returns an error if the build has no code for the GPU. Code runs
// on the same major version and on the same or a later minor one (8.6 on 8.9,
// 12.0 on 12.1).
func (g GPU) checkBuild(accel string, cuda int, torch string) error {
	list := strings.Fields(archs(cuda, torch))
	for _, have := range list {
		if sameMajor(have, g.CC) && !versionLess(g.CC, have) {
			if !strings.HasPrefix(g.CC, "12.") && !strings.HasPrefix(g.CC, "10.") || torch == "" || !versionLess(torch, "2.7") {
				return nil
			}
		}
	}
	with := accel
	if torch != "" {
		with += " with torch " + torch
	}
	if strings.HasPrefix(g.CC, "12.") || strings.HasPrefix(g.CC, "10.") {
		return fmt.Errorf("GPU %s (compute capability %s) needs CUDA build cu128 or newer and torch 2.7 or newer; this is %s", g.Name, g.CC, with)
	}
	if versionLess(g.CC, "5.0") {
		return fmt.Errorf("GPU %s (compute capability %s) is too old: no CUDA build of torch has code for it", g.Name, g.CC)
	}
	if versionLess(g.CC, list[0]) {
		return fmt.Errorf("GPU %s (compute capability %s) is too old for %s; cu126 or older has code for it", g.Name, g.CC, with)
	}
	return fmt.Errorf("%s has no code for GPU %s (compute capability %s)", with, g.Name, g.CC)
}

// sameMajor compares the numbers before the dot.
func sameMajor(a, b string) bool {
	x, _, _ := strings.Cut(a, ".")
	y, _, _ := strings.Cut(b, ".")
	return x == y
}

// versionLess compares dotted numbers. It ignores a local tag (+cu121).
func versionLess(a, b string) bool { return requirement.CompareReleases(a, b) < 0 }
