package health

import "os"

// baseNames returns the possible names of an interpreter in home.
func baseNames(string) []string { return []string{"python.exe"} }

// executable returns true: Windows decides by the file extension.
func executable(os.FileInfo) bool { return true }
