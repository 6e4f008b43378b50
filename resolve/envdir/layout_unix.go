//go:build !windows

package envdir

import "path/filepath"

const (
	scripts = "bin"
	exe     = ""
	pythonw = "python"
)

func sitePackages(minor string) string { return filepath.Join("lib", "python"+minor, "site-packages") }
