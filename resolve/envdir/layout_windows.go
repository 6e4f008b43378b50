package envdir

import "path/filepath"

const (
	scripts = "Scripts"
	exe     = ".exe"
	pythonw = "pythonw.exe"
)

// sitePackages returns the path of site-packages in a venv.
func sitePackages(string) string { return filepath.Join("Lib", "site-packages") }
