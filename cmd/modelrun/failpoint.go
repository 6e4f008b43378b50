//go:build failpoints && unix

package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// failpoint sends a signal when a step comes: MODELRUN_FAILPOINT=STEP:SIGNAL,
// where kill and stop go to this process alone and int and term to its whole
// group, as a terminal's do. Only tests build it, with -tags failpoints.
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
		// The kernel hands it to the main thread, which is the one that is here.
		if err := syscall.Kill(pid, sig); err != nil {
			panic(err)
		}
	}
}
