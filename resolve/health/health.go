// Package health says whether an env works on this machine.
package health

import (
	"context"
	"errors"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/profile"
)

// State is the outcome of a check. The zero value is Unknown: not known is not healthy.
type State uint8

// The states of a Verdict.
const (
	Unknown State = iota
	Healthy
	Broken
)

// Verdict is about one env on one machine and driver.
type Verdict struct {
	State    State
	Reason   string   // why it is not healthy; one line
	Warnings []string // healthy, but the user should know
	Sealed   bool     // READY.json is ours and intact
	Absent   bool     // there is no env at all (State is Broken)
	Cached   bool     // no process was started for it
}

// Subject is an env and what is asked of it.
type Subject struct {
	Dir     envdir.Dir
	Imports []profile.Import
	CUDA    bool // torch must see a GPU
	Accel   string
}

// Checker checks.
type Checker struct{}

// Check goes L0 → L1 → L3. An error is one of the disk or of the user, never "unhealthy".
func (c *Checker) Check(ctx context.Context, s Subject) (Verdict, error) {
	return Verdict{}, errors.ErrUnsupported
}
