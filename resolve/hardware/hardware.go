// Package hardware detects the GPUs and the driver of a machine, without Python
// and without cgo, and knows which CUDA builds they can run.
//
// Tests set the variable MODELRUN_HARDWARE_ROOT=/dir. On Linux it prefixes
// every path that is read: /sys, /proc, /usr/lib/wsl, and the folders in which
// nvidia-smi is trusted. On Windows the GPUs come from /dir/nvidia-smi.csv,
// with the output of nvidia-smi
// --query-gpu=index,uuid,name,driver_version,memory.total,compute_cap
// --format=csv,noheader,nounits. An empty folder is a machine without a GPU.
package hardware

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/modelrun/modelrun/execx"
)

// Identity is the part that the launch path compares. It is cheap to read and
// needs no process. It stays the same as long as the driver and the visible
// GPUs do.
type Identity struct {
	OS      string   `json:"os"`                // as Go names it
	Arch    string   `json:"arch"`              // as Go names it
	Libc    string   `json:"libc"`              // "glibc", "musl", "" elsewhere
	Vendor  string   `json:"vendor,omitempty"`  // "nvidia", "amd", "apple"; "" without an accelerator
	Driver  string   `json:"driver,omitempty"`  // "550.54.14"; "" if it is not known, for example in WSL
	GPUs    []string `json:"gpus,omitempty"`    // sorted; PCI addresses with device numbers, or targets
	Visible string   `json:"visible,omitempty"` // the variables that hide GPUs
}

// GPU is one visible device.
type GPU struct {
	Name      string `json:"name"`                 // the product's name
	CC        string `json:"cc,omitempty"`         // compute capability "8.6"; for AMD the target "gfx1100"; "" if it is not known
	UUID      string `json:"uuid,omitempty"`       // "GPU-…"; "" if it is not known
	MemoryMiB int    `json:"memory_mib,omitempty"` // 0 if it is not known
}

// Machine is the complete hardware. It is cached under its Identity.
type Machine struct {
	Identity
	GPUs     []GPU  `json:"devices,omitempty"` // the visible ones
	Reported string `json:"told,omitempty"`    // the driver's version from NVIDIA's own tools, the only source in WSL
	Problem  string `json:"problem,omitempty"` // why an existing GPU cannot be used; "" if there is no problem
}

// visibility lists the variables that hide GPUs from a program.
var visibility = [...]string{"CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"}

// Env returns the environment for this package: the caller's own, with only
// those variables of the program that hide GPUs. A project file defines
// variables for its program. They must not reach nvidia-smi or choose its
// location, because read-only commands run it as well.
func Env(caller, program execx.Environ) execx.Environ {
	var set []execx.Var
	for _, name := range visibility {
		v, ok := program.Lookup(name)
		if was, had := caller.Lookup(name); ok && (!had || v != was) {
			set = append(set, execx.Var{Key: name, Value: v})
		}
	}
	if set == nil {
		return caller
	}
	return caller.Edit(set)
}

// Identify reads the cheap part: a few files, no process, well below 1 ms. A
// GPU that is hidden by CUDA_VISIBLE_DEVICES="" or -1 does not count.
func Identify(env execx.Environ) Identity {
	id := identify(env)
	for _, name := range visibility {
		if v, ok := env.Lookup(name); ok {
			id.Visible += name + "=" + v + ";"
		}
	}
	if hidden(env, id.Vendor) {
		id.Vendor, id.Driver, id.GPUs = "", "", nil
	}
	return id
}

// hidden reports whether the program would see no GPU of that vendor.
func hidden(env execx.Environ, vendor string) bool {
	names := visibility[2:]
	switch vendor {
	case "nvidia":
		names = visibility[:1]
	case "amd":
	default:
		return false // Apple's GPU cannot be hidden
	}
	for _, name := range names {
		if v, ok := env.Lookup(name); ok {
			if v = strings.TrimSpace(v); v == "" || v == "-1" || strings.HasPrefix(v, "-1,") {
				return true
			}
		}
	}
	return false
}

// ID returns the name of the machine's state folder: 12 hex digits over the
// Identity. It does not depend on the host name, because a container's is
// random.
func (i Identity) ID() string {
	sum := sha256.Sum256([]byte(strings.Join(append([]string{i.OS, i.Arch, i.Libc, i.Vendor, i.Driver, i.Visible}, i.GPUs...), "\x00")))
	return hex.EncodeToString(sum[:6])
}

// Detect completes an Identity. It may load NVIDIA's library on Windows, and
// run nvidia-smi from a trusted folder, each for at most 5 seconds. An unusable
// GPU is not an error: see Machine.Problem.
func Detect(ctx context.Context, id Identity, env execx.Environ) (Machine, error) {
	return detect(ctx, id, env, smiLimit)
}

// detect does the work of Detect, with another time limit.
func detect(ctx context.Context, id Identity, env execx.Environ, limit time.Duration) (Machine, error) {
	m := Machine{Identity: id}
	switch id.Vendor {
	case "nvidia":
		return nvidia(ctx, m, env, limit)
	case "amd":
		for _, target := range id.GPUs {
			m.GPUs = append(m.GPUs, GPU{Name: "AMD " + target, CC: target})
		}
	case "apple":
		m.GPUs = []GPU{{Name: "Apple GPU"}}
	}
	return m, nil
}

// HasGPU reports whether a program would see a usable GPU.
func (m Machine) HasGPU() bool { return len(m.GPUs) > 0 && m.Problem == "" }

// driver returns the version from the kernel, else from nvidia-smi.
func (m Machine) driver() string {
	if m.Driver != "" {
		return m.Driver
	}
	return m.Reported
}

// String lists the GPUs and the driver: "NVIDIA GeForce RTX 3090 (8.6), driver
// 550.54.14".
func (m Machine) String() string {
	switch {
	case m.Problem != "":
		return "no usable GPU (" + m.Problem + ")"
	case len(m.GPUs) == 0:
		return "no GPU"
	}
	var names []string
	for _, g := range m.GPUs {
		names = append(names, g.String())
	}
	text := strings.Join(names, ", ")
	if d := m.driver(); d != "" {
		text += ", driver " + d
	}
	return text
}

// String returns the name with the compute capability.
func (g GPU) String() string {
	if g.CC == "" || strings.Contains(g.Name, g.CC) {
		return g.Name
	}
	return fmt.Sprintf("%s (%s)", g.Name, g.CC)
}
