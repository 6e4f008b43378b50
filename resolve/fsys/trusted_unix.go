//go:build !windows

package fsys

import (
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/modelrun/modelrun/resolve/fault"
)

func freeBytes(path string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, &fs.PathError{Op: "statfs", Path: path, Err: err}
	}
	return uint64(st.Bavail) * uint64(st.Bsize), nil //nolint:gosec,unconvert // not negative; the types differ by system
}

// Trusted returns an error unless path belongs to us, to root or to one of owners
// (names or numbers), and others cannot write it. For a symbolic link it checks
// both the link and its target.
func Trusted(path string, owners []string) error {
	info, err := os.Lstat(path)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if err := ownedBy(path, info, owners); err != nil {
			return err
		}
		info, err = os.Stat(path)
	}
	if err != nil {
		return err
	}
	if info.Mode()&0o002 != 0 && info.Mode()&os.ModeSticky == 0 {
		return fault.New(fault.Untrusted, "%s can be written by everybody on this machine", path).Fix("chmod o-w %s", fault.Quote(path))
	}
	return ownedBy(path, info, owners)
}

func ownedBy(path string, info fs.FileInfo, owners []string) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	uid := int(st.Uid)
	if uid == 0 || uid == os.Geteuid() {
		return nil
	}
	name := strconv.Itoa(uid)
	for _, o := range owners {
		if o == name {
			return nil
		}
		if u, err := user.Lookup(o); err == nil && u.Uid == name {
			return nil
		}
	}
	return fault.New(fault.Untrusted, "%s belongs to user %s", path, ownerName(name)).
		Fix("if you trust that user, say so in your own config file: trusted_owners = [%q]", ownerName(name))
}

func ownerName(uid string) string {
	if u, err := user.LookupId(uid); err == nil {
		return u.Username
	}
	return uid
}

// FileID identifies a file, whatever names it has.
type FileID struct{ dev, ino uint64 }

// Disk returns a number that identifies the file system of the file.
func (id FileID) Disk() uint64 { return id.dev }

// Identify returns the identity of a file, and the number of its hard links.
func Identify(_ string, info fs.FileInfo) (id FileID, links int) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return FileID{}, 1
	}
	return FileID{uint64(st.Dev), uint64(st.Ino)}, int(st.Nlink) //nolint:gosec,unconvert // the types differ by system
}
