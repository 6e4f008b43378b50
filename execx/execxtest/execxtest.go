// Package execxtest helps tests that write programs and start them.
package execxtest

import (
	"os"
	"path/filepath"
	"syscall"
)

// Write creates an executable file and its parent folders.
//
// Meanwhile it prevents other tests from forking. Their child would hold the file
// open for writing until its own exec, and starting the file would then fail with
// "text file busy" (https://go.dev/issue/22315).
func Write(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return os.WriteFile(path, content, 0o755) //nolint:gosec // it will be started
}

// Copy puts a copy of the running test binary at path.
func Copy(path string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	program, err := os.ReadFile(self)
	if err != nil {
		return err
	}
	return Write(path, program)
}
