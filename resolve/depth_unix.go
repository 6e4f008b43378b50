//go:build !windows

package resolve

// pathLimits returns no limits: no path of an env comes near the limits of these systems.
func pathLimits() limits { return limits{} }
