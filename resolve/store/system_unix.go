//go:build !windows

package store

import (
	"os"
	"os/user"
	"strconv"
	"strings"
)

// BootID is the same until the machine starts again; "" where there is none.
func BootID() string {
	data, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // not on Linux: none
	return strings.TrimSpace(string(data))
}

func userName() string {
	u, err := user.Current()
	if err != nil {
		return strconv.Itoa(os.Getuid())
	}
	return u.Username
}
