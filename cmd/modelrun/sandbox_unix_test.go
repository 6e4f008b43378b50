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

// machine returns the files of a machine with these NVIDIA GPUs.
func machine(driver string, cards ...card) map[string]string {
	files := map[string]string{
		"dev/nvidiactl":              "",
		"sys/module/nvidia/version":  driver + "\n",
		"proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX x86_64 Kernel Module  " + driver + "  Thu Feb 22 01:44:30 UTC 2024\n",
		"usr/bin/nvidia-smi":         "#!/bin/sh\ncat <<END\n" + smiTable(driver, cards) + "END\n",
	}
	for i, c := range cards {
		bus := fmt.Sprintf("0000:%02d:00.0", i+1)
		files["proc/driver/nvidia/gpus/"+bus+"/information"] = "Model: \t\t " + c.name + "\nIRQ:   \t\t 100\nBus Location: \t " + bus + "\n"
		files["sys/bus/pci/devices/"+bus+"/device"] = "0x2204 " + c.cc + "\n"
	}
	return files
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
