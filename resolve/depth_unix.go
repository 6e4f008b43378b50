//go:build !windows

package resolve

// pathLimits: the limits here are out of reach.
func pathLimits() limits { return limits{} }
