//go:build !windows

// Command execonly starts the given program and does nothing else. It measures the
// minimum time that any launcher written in Go adds.
package main

import (
	"os"
	"syscall"
)

func main() {
	_ = syscall.Exec(os.Args[1], os.Args[1:], os.Environ()) // returns only if it failed
	os.Exit(126)
}
