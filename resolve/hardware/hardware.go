// Package hardware says which GPUs and which driver a machine has, without
// Python and without cgo, and which CUDA builds they can run.
package hardware

import (
	"context"
	"errors"

	"github.com/modelrun/modelrun/execx"
)

// Identity is what the launch path compares: cheap to read, starts no process.
// It is equal as long as the driver and the set of visible GPUs are.
type Identity struct {
	OS, Arch, Libc string
	Vendor         string   // "nvidia", "amd", "intel"?, "apple", "" for no accelerator
	Driver         string   // "550.54.14"
	GPUs           []string // PCI addresses or names, sorted
	Visible        string   // CUDA_VISIBLE_DEVICES & co as they reach the program
}

// GPU is one visible device.
type GPU struct {
	Name      string
	CC        string // compute capability "8.6"; for AMD the gfx target "gfx1100"; "" unknown
	MemoryMiB int
}

// Machine is the full answer; it is cached under its Identity.
type Machine struct {
	Identity Identity
	GPUs     []GPU
	Problem  string // why a GPU that is there cannot be used; "" when all is well
}

// Identify reads the cheap part: a handful of files, no process, well below 1 ms.
func Identify(env execx.Environ) Identity { return Identity{} }

// ID is <machine>: 12 hex digits of a hash over the Identity.
func (i Identity) ID() string { return "" }

// Detect completes an Identity; it may run nvidia-smi (trusted path only, 5 s limit).
func Detect(ctx context.Context, id Identity, env execx.Environ) (Machine, error) {
	return Machine{}, errors.ErrUnsupported
}

// Serves says whether a build for accel with this torch version ("" unknown)
// can run on every GPU here; nil means yes, else the sentence why not.
func (m Machine) Serves(accel, torch string) error { return nil }
