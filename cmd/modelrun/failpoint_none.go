//go:build !failpoints || !unix

package main

// failpoint returns nil: a release build has no failpoints. Crash tests use the
// other version.
func failpoint() func(step string) { return nil }
