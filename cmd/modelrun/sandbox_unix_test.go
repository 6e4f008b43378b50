//go:build !windows

package main

import (
	"fmt"
	"os"
	"os/exec"

	"github.com/rogpeppe/go-internal/testscript"
)

const exe = ""

// home returns the variables for a user's folders in dir.
func home(dir string) map[string]string { return map[string]string{"HOME": dir} }

// machine returns the files of a machine with this NVIDIA GPU.
func machine(gpu, cc, driver string) map[string]string {
	return map[string]string{
		"dev/nvidiactl":                                    "",
		"sys/module/nvidia/version":                        driver + "\n",
		"proc/driver/nvidia/version":                       "NVRM version: NVIDIA UNIX x86_64 Kernel Module  " + driver + "  Thu Feb 22 01:44:30 UTC 2024\n",
		"proc/driver/nvidia/gpus/0000:01:00.0/information": "Model: \t\t " + gpu + "\nIRQ:   \t\t 100\nBus Location: \t 0000:01:00.0\n",
		"sys/bus/pci/devices/0000:01:00.0/device":          "0x2204 " + cc + "\n",
		"usr/bin/nvidia-smi":                               "#!/bin/sh\necho '0, GPU-11111111-2222-3333-4444-555555555555, " + gpu + ", " + driver + ", 24576, " + cc + "'\n",
	}
}

// run runs a command of a script.
func run(ts *testscript.TestScript, name string, args ...string) error { return ts.Exec(name, args...) }

// acted returns false: it is used only on Windows.
func acted() bool { return false }

// atPrompt does nothing: starting a program costs the same with or without a
// prompt.
func atPrompt() {}

// copyTreeAsIs copies the content of a folder into another one, with times, modes,
// links and hard links.
func copyTreeAsIs(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	if out, err := exec.Command("cp", "-a", from+"/.", to).CombinedOutput(); err != nil {
		return fmt.Errorf("cp: %w: %s", err, out)
	}
	return nil
}
