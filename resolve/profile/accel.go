package profile

import (
	"fmt"
	"strings"

	"github.com/modelrun/modelrun/resolve/requirement"
)

// ValidAccel reports whether s names an accelerator: cpu, mps, xpu, cu with
// three digits (cu121 is CUDA 12.1), or rocm with a version (rocm6.4).
func ValidAccel(s string) bool {
	switch s {
	case "cpu", "mps", "xpu":
		return true
	}
	if n, ok := strings.CutPrefix(s, "cu"); ok {
		return len(n) == 3 && digits(n) && n[0] != '0'
	}
	if v, ok := strings.CutPrefix(s, "rocm"); ok {
		major, minor, _ := strings.Cut(v, ".")
		return digits(major) && len(major) <= 2 && digits(minor) && len(minor) <= 2
	}
	return false
}

// IsCUDA reports whether accel is a CUDA build.
func IsCUDA(accel string) bool { return strings.HasPrefix(accel, "cu") }

// class returns the kind of hardware that a build is for. A build can replace
// another one of the same class. [Compatible] defines when it can replace one
// of another class.
func class(accel string) string {
	switch {
	case IsCUDA(accel):
		return "nvidia"
	case strings.HasPrefix(accel, "rocm"):
		return "amd"
	case accel == "xpu":
		return "intel"
	case accel == "mps":
		return "apple"
	}
	return "cpu"
}

// accel returns the accelerator of a profile: its own setting, else the local
// tag of the torch pin, else the last part of the index, else the CUDA version,
// else cpu.
func (f *file) accel() (string, error) {
	if f.Accelerator != "" {
		if !ValidAccel(f.Accelerator) {
			return "", fmt.Errorf("accelerator %q is none of cu118 … cu130, rocm6.4, xpu, mps, cpu", f.Accelerator)
		}
		return f.Accelerator, nil
	}
	for _, p := range f.Packages {
		if requirement.Normal(p.Name) != "torch" {
			continue
		}
		if _, tag, _ := strings.Cut(p.Version, "+"); ValidAccel(tag) {
			return tag, nil
		}
	}
	if a := indexAccel(f.TorchIndex); a != "" {
		return a, nil
	}
	if f.CUDAVersion == "" {
		return "cpu", nil
	}
	parts := strings.SplitN(f.CUDAVersion, ".", 3)
	if len(parts) >= 2 && ValidAccel("cu"+parts[0]+parts[1]) {
		return "cu" + parts[0] + parts[1], nil
	}
	return "", fmt.Errorf("cuda_version %q is not like 12.1", f.CUDAVersion)
}

// indexAccel returns the accelerator at the end of an index URL, or "".
func indexAccel(index string) string {
	index = strings.TrimRight(index, "/")
	last := index[strings.LastIndexByte(index, '/')+1:]
	if ValidAccel(last) {
		return last
	}
	return ""
}
