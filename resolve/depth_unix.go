//go:build !windows

package resolve

// nameLimits: the limits here are out of reach.
func nameLimits() limits { return limits{} }
