// Package fsystest makes files for tests. It imports no testify, which would bring
// net/http, and all its vulnerabilities, into the packages of the program.
package fsystest

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// Put writes a file of that size, creates its folders, and returns its path.
func Put(t *testing.T, size int, path ...string) string {
	t.Helper()
	file := filepath.Join(path...)
	check(t, os.MkdirAll(filepath.Dir(file), 0o755))
	check(t, os.WriteFile(file, make([]byte, size), 0o644))
	return file
}

// Link makes a hard link, creates its folders, and returns its path.
func Link(t *testing.T, from string, to ...string) string {
	t.Helper()
	file := filepath.Join(to...)
	check(t, os.MkdirAll(filepath.Dir(file), 0o755))
	check(t, os.Link(from, file))
	return file
}

// Older sets the times of files to that long ago.
func Older(t *testing.T, by time.Duration, paths ...string) {
	t.Helper()
	at := time.Now().Add(-by)
	for _, p := range paths {
		check(t, os.Chtimes(p, at, at))
	}
}

// SkipOnWindows skips a test of a feature that Windows does not have.
func SkipOnWindows(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("not a thing on Windows")
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
