//go:build !windows

package store

import (
	"os"
	"os/user"
	"strconv"
	"strings"
)

// BootID returns an id of the current boot of the machine, or "" if it is not
// known.
func BootID() string {
	data, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // other systems do not have it
	return strings.TrimSpace(string(data))
}

func userName() string {
	u, err := user.Current()
	if err != nil {
		return strconv.Itoa(os.Getuid())
	}
	return u.Username
}
