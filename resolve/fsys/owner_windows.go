package fsys

import (
	"os"

	"golang.org/x/sys/windows"
)

func access(path string) error {
	_, err := os.Stat(path)
	return err
}

// OwnerOf returns the name of a file's owner, or "" if it cannot be read.
func OwnerOf(path string) string {
	sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return ""
	}
	owner, _, err := sd.Owner()
	if err != nil || owner == nil {
		return ""
	}
	name, _ := accountOf(owner)
	return name
}
