package health

import "os"

// baseNames are the names that an interpreter can have in home.
func baseNames(string) []string { return []string{"python.exe"} }

// executable is always true: Windows goes by the extension.
func executable(os.FileInfo) bool { return true }
