//go:build failpoints && unix

package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// failpoint returns a function that sends a signal when a step is reached.
// MODELRUN_FAILPOINT=STEP:SIGNAL selects the step and the signal. kill and stop go
// to this process alone; int and term go to its whole process group, as from a
// terminal. Only tests build this file, with -tags failpoints.
func failpoint() func(step string) {
	at, name, _ := strings.Cut(os.Getenv("MODELRUN_FAILPOINT"), ":")
	sig := map[string]syscall.Signal{"kill": syscall.SIGKILL, "stop": syscall.SIGSTOP, "int": syscall.SIGINT, "term": syscall.SIGTERM}[name]
	if sig == 0 {
		return nil
	}
	pid := os.Getpid()
	if name == "int" || name == "term" {
		pid = -syscall.Getpgrp()
	}
	return func(step string) {
		if step != at {
			return
		}
		if sig == syscall.SIGSTOP {
			fmt.Fprintln(os.Stderr, "stopped at", step)
		}
		// The kernel delivers the signal to the main thread, which is the current
		// one.
		if err := syscall.Kill(pid, sig); err != nil {
			panic(err)
		}
	}
}
