package hardware

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/modelrun/modelrun/resolve/requirement"
)

// Serves says whether a build for accel with this torch version ("" unknown)
// can run on every visible GPU; nil means yes, else the sentence why not. The
// CPU serves everywhere. A GPU of unknown capability refuses nothing: the deep
// probe has the last word.
func (m Machine) Serves(accel, torch string) error {
	switch {
	case accel == "cpu" || accel == "":
		return nil
	case strings.HasPrefix(accel, "rocm"):
		return m.wants("amd", "an AMD", accel)
	case accel == "mps":
		return m.wants("apple", "an Apple", accel)
	case accel == "xpu":
		return m.wants("intel", "an Intel", accel)
	case strings.HasPrefix(accel, "cu"):
		return m.servesCUDA(accel, torch)
	}
	return fmt.Errorf("accelerator %s is not known", accel)
}

func (m Machine) wants(vendor, name, accel string) error {
	if m.Vendor != vendor || !m.HasGPU() {
		return fmt.Errorf("%s needs %s GPU; this machine has %s", accel, name, m)
	}
	return nil
}

func (m Machine) servesCUDA(accel, torch string) error {
	if err := m.wants("nvidia", "an NVIDIA", accel); err != nil {
		return err
	}
	cuda, err := strconv.Atoi(strings.TrimPrefix(accel, "cu"))
	if err != nil {
		return fmt.Errorf("accelerator %s is not known", accel)
	}
	if least := minDriver(cuda/10, m.OS); m.driver() != "" && versionLess(m.driver(), least) {
		return fmt.Errorf("CUDA build %s needs driver %s or newer; this machine has %s", accel, least, m.driver())
	}
	for _, g := range m.GPUs {
		if g.CC == "" {
			continue
		}
		if err := g.servedBy(accel, cuda, torch); err != nil {
			return err
		}
	}
	return nil
}

// minDriver is the oldest driver that runs a CUDA major version, by NVIDIA's
// minor-version compatibility: https://docs.nvidia.com/deploy/cuda-compatibility
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

// MinDriver is the oldest NVIDIA driver of this system that runs a CUDA build such
// as cu121; "" for other accelerators.
func (m Machine) MinDriver(accel string) string {
	n, err := strconv.Atoi(strings.TrimPrefix(accel, "cu"))
	if err != nil || !strings.HasPrefix(accel, "cu") {
		return ""
	}
	return minDriver(n/10, m.Identity.OS)
}

// archs are the architectures that the wheels of a CUDA build have code for, as
// one list per range of torch versions; the first whose bound is above the
// version counts. Sources: PyTorch's RELEASE.md, pytorch/pytorch#172352 and
// #175253; the design's creation-and-health.md has the table.
func archs(cuda int, torch string) string {
	older := func(v string) bool { return torch != "" && versionLess(torch, v) }
	switch {
	case cuda <= 124:
		return "5.0 6.0 7.0 7.5 8.0 8.6 9.0"
	case cuda == 126:
		return "5.0 6.0 7.0 7.5 8.0 8.6 9.0"
	case cuda < 130 && (older("2.8") || torch == ""): // unknown: what any of them has
		return "5.0 6.0 7.0 7.5 8.0 8.6 9.0 10.0 12.0"
	case cuda < 130 && older("2.11"):
		return "7.0 7.5 8.0 8.6 9.0 10.0 12.0"
	case cuda < 130:
		return "7.5 8.0 8.6 9.0 10.0 12.0"
	}
	return "7.5 8.0 8.6 9.0 10.0 12.0"
}

// servedBy: code of the same major version and at most this minor one runs
// (8.6 on 8.9, 12.0 on 12.1).
func (g GPU) servedBy(accel string, cuda int, torch string) error {
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

func sameMajor(a, b string) bool {
	x, _, _ := strings.Cut(a, ".")
	y, _, _ := strings.Cut(b, ".")
	return x == y
}

// versionLess reports whether release a comes before release b.
func versionLess(a, b string) bool { return requirement.CompareReleases(a, b) < 0 }
