//go:build !windows

package main

import "github.com/rogpeppe/go-internal/testscript"

const exe = ""

// home is a person's own folders, in dir.
func home(dir string) map[string]string { return map[string]string{"HOME": dir} }

// run runs a command of a script.
func run(ts *testscript.TestScript, name string, args ...string) error { return ts.Exec(name, args...) }

// acted is for Windows.
func acted() bool { return false }
