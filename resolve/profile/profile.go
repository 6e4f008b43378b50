// Package profile reads hardware profiles and families: which versions, which
// CUDA build and which index a GPU generation gets, and what a family needs.
package profile

import (
	"errors"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/hardware"
)

// Pin is one version of a profile, in the order of the file.
type Pin struct{ Name, Version string }

// Profile is one hardware profile.
type Profile struct {
	Name                             string // profile_id, or the file's name
	Path                             string // "" for an embedded one
	Hash                             string // sha256 of the file's bytes, hex
	Accel                            string // cu118 … cpu
	TorchIndex                       string // URL; "" none
	PythonMin, PythonMax, PythonBest string
	CC                               []string
	Pins                             []Pin
	Tested                           bool
}

// Parse reads one profile.
func Parse(path string, data []byte) (Profile, error) { return Profile{}, errors.ErrUnsupported }

// InRoot reads the profiles of a root, sorted by file name. A file that is no
// profile is an error only when it is the one that was asked for by name.
func InRoot(r envdir.Root) (all []Profile, bad map[string]error) { return nil, nil }

// Embedded is the profiles in the binary.
func Embedded() []Profile { return nil }

// Choice is the profile to use, and those that were passed over, each with a sentence.
type Choice struct {
	Profile Profile
	Passed  []Passed
}

// Passed is a profile that cannot serve.
type Passed struct{ Name, Reason string }

// Want narrows the choice.
type Want struct {
	Name   string // --profile; "" any
	Family Family
	Accel  string // of a key that was named; "" any
}

// Select picks the first profile that serves the machine: root before embedded,
// then best fit by compute capability and driver, tested first.
func Select(m hardware.Machine, inRoot []Profile, w Want) (Choice, error) {
	return Choice{}, errors.ErrUnsupported
}
