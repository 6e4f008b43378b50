//go:build !windows

package health

import "os"

// baseNames are the names that an interpreter can have in home.
func baseNames(minor string) []string { return []string{"python" + minor, "python3", "python"} }

func executable(info os.FileInfo) bool { return info.Mode()&0o111 != 0 }
