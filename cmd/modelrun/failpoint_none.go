//go:build !failpoints || !unix

package main

// failpoint is for tests of crashes: a released program has none.
func failpoint() func(step string) { return nil }
