package envdir

import "path/filepath"

const (
	scripts = "Scripts"
	exe     = ".exe"
	pythonw = "pythonw.exe"
)

func sitePackages(string) string { return filepath.Join("Lib", "site-packages") }
