//go:build !windows

package store

import (
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

func access(path string) error { return unix.Access(path, unix.W_OK) }

// OwnerOf is whom a file belongs to; "" where that cannot be told.
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
