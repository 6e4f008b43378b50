//go:build !windows

package envdir

import "path/filepath"

const (
	scripts = "bin"
	exe     = ""
	pythonw = "python"
)

// sitePackages returns the path of site-packages in a venv.
func sitePackages(minor string) string { return filepath.Join("lib", "python"+minor, "site-packages") }
