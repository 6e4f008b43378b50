//go:build !windows

package health

import "os"

// baseNames returns the possible names of an interpreter in home.
func baseNames(minor string) []string { return []string{"python" + minor, "python3", "python"} }

// executable reports whether a file has an execute permission.
func executable(info os.FileInfo) bool { return info.Mode()&0o111 != 0 }
