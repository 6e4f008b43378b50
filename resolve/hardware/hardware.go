// Package hardware says which GPUs and which driver a machine has, without
// Python and without cgo, and which CUDA builds they can run.
//
// For tests the variable MODELRUN_HARDWARE_ROOT=/dir puts /dir before every
// path that is looked at on Linux: /sys, /proc, /usr/lib/wsl, and the folders in
// which nvidia-smi is trusted. On Windows /dir/nvidia-smi.csv holds the GPUs, as
// nvidia-smi --query-gpu=index,uuid,name,driver_version,memory.total,compute_cap
// --format=csv,noheader,nounits prints them. An empty folder is a machine
// without a GPU.
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

// Identity is what the launch path compares: cheap to read, starts no process.
// It is equal as long as the driver and the set of visible GPUs are.
type Identity struct {
	OS      string   `json:"os"`
	Arch    string   `json:"arch"`
	Libc    string   `json:"libc"`             // "glibc", "musl", "" elsewhere
	Vendor  string   `json:"vendor,omitempty"` // "nvidia", "amd", "apple"; "" no accelerator
	Driver  string   `json:"driver,omitempty"` // "550.54.14"; "" not known, for example in WSL
	GPUs    []string `json:"gpus,omitempty"`   // PCI addresses with device numbers, or targets; sorted
	Visible string   `json:"visible,omitempty"`
}

// GPU is one visible device.
type GPU struct {
	Name      string `json:"name"`
	CC        string `json:"cc,omitempty"` // compute capability "8.6"; for AMD the target "gfx1100"; "" unknown
	UUID      string `json:"uuid,omitempty"`
	MemoryMiB int    `json:"memory_mib,omitempty"`
}

// Machine is the full answer; it is cached under its Identity.
type Machine struct {
	Identity
	GPUs    []GPU  `json:"devices,omitempty"`
	Told    string `json:"told,omitempty"`    // the driver as NVIDIA's own tools tell it; WSL has no other source
	Problem string `json:"problem,omitempty"` // why a GPU that is there cannot be used; "" when all is well
}

// visibility are the variables that hide GPUs from a program.
var visibility = [...]string{"CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"}

// Env is what to ask this package with: the caller's own environment, and of the
// program's only what hides GPUs. A project file names variables for its program;
// none of them may reach nvidia-smi, or say where it lies: those who only look
// run it, too.
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

// Identify reads the cheap part: a handful of files, no process, well below
// 1 ms. A GPU that is hidden by CUDA_VISIBLE_DEVICES="" or -1 is none.
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
		return false // nothing hides Apple's
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

// ID is <machine>: 12 hex digits over the Identity. The host's name is no part
// of it: a container's is random.
func (i Identity) ID() string {
	sum := sha256.Sum256([]byte(strings.Join(append([]string{i.OS, i.Arch, i.Libc, i.Vendor, i.Driver, i.Visible}, i.GPUs...), "\x00")))
	return hex.EncodeToString(sum[:6])
}

// Detect completes an Identity; it may load NVIDIA's library on Windows, and run
// nvidia-smi, from a trusted folder, each for 5 seconds at most. A GPU that cannot be used is no error: see
// Machine.Problem.
func Detect(ctx context.Context, id Identity, env execx.Environ) (Machine, error) {
	return detect(ctx, id, env, smiLimit)
}

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

// HasGPU reports whether a program would see a GPU that can be used.
func (m Machine) HasGPU() bool { return len(m.GPUs) > 0 && m.Problem == "" }

// driver is the kernel's word, else nvidia-smi's.
func (m Machine) driver() string {
	if m.Driver != "" {
		return m.Driver
	}
	return m.Told
}

// String names the GPUs and the driver: "NVIDIA GeForce RTX 3090 (8.6), driver 550.54.14".
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

// String is the name with the compute capability.
func (g GPU) String() string {
	if g.CC == "" || strings.Contains(g.Name, g.CC) {
		return g.Name
	}
	return fmt.Sprintf("%s (%s)", g.Name, g.CC)
}
