// Package execxtest is for tests that write programs and start them.
package execxtest

import (
	"os"
	"path/filepath"
	"syscall"
)

// Write makes an executable file, and the folders above it.
//
// It keeps the tests beside it from forking meanwhile: their child would hold
// the file open for writing until its own exec, and starting it would fail with
// "text file busy" (https://go.dev/issue/22315).
func Write(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return os.WriteFile(path, content, 0o755) //nolint:gosec // it is started
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
