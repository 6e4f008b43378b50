//go:build !windows

// Command execonly starts the program that it is given and does nothing else:
// what any launcher that is written in Go adds at least.
package main

import (
	"os"
	"syscall"
)

func main() {
	_ = syscall.Exec(os.Args[1], os.Args[1:], os.Environ()) // returns only when it failed
	os.Exit(126)
}
