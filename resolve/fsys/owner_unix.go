//go:build !windows

package fsys

import (
	"io/fs"
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

// CheckReadable returns the error that opening a file or folder for reading would
// return, without opening it.
func CheckReadable(path string) error {
	if err := unix.Access(path, unix.R_OK); err != nil {
		return &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return nil
}
