//go:build !windows

package fsys

import (
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

func access(path string) error { return unix.Access(path, unix.W_OK) }

// OwnerOf returns the name of a file's owner, or "" if it cannot be read.
func OwnerOf(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return ownerName(strconv.Itoa(int(st.Uid)))
}
