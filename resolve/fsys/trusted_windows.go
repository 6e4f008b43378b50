package fsys

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/modelrun/modelrun/resolve/fault"
)

func freeBytes(path string) (uint64, error) {
	p, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, err
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(p, &free, nil, nil); err != nil {
		return 0, &fs.PathError{Op: "free space", Path: path, Err: err}
	}
	return free, nil
}

// Trusted returns an error if path belongs to another user of this machine who is
// neither an administrator nor one of owners (names, DOMAIN\name or SIDs), or if
// its owner cannot be read.
//
// It does not check who else can write path. By default every signed-in user can
// change a folder that was created below C:\ or on another drive, and many users
// keep their models there.
func Trusted(path string, owners []string) error {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	owner, err := ownerOf(path)
	if err != nil {
		return fault.New(fault.Untrusted, "whose %s is cannot be read: %w", path, err).
			Fix("use another root: modelrun --root DIR -- …; or let an administrator look: icacls \"%s\"", path)
	}
	if owner == nil {
		return nil
	}
	me, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err == nil && owner.Equals(me.User.Sid) {
		return nil
	}
	name, user := accountOf(owner)
	if !user || trustedOwner(name, owner.String(), owners) || isAdministrator(owner) {
		return nil
	}
	return fault.New(fault.Untrusted, "%s belongs to user %s", path, name).
		Fix("if you trust that user, say so in your own config file: trusted_owners = ['%s']", name)
}

// ownerOf returns the owner of path, or nil on a file system without owners.
// "Access denied" stays an error: it may come from another user's folder.
func ownerOf(path string) (*windows.SID, error) {
	sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		if noOwners(err) {
			err = nil
		}
		return nil, err
	}
	owner, _, err := sd.Owner()
	return owner, err
}

// noOwners reports whether err says that a file system has no owners, or that a
// server does not report them.
func noOwners(err error) bool {
	return errors.Is(err, windows.ERROR_NOT_SUPPORTED) || errors.Is(err, windows.ERROR_INVALID_FUNCTION)
}

// accountOf returns the DOMAIN\name of a SID. user reports whether it is a user's,
// as opposed to the system's, a service's or a group's. A SID that is unknown here,
// as on a disk from another machine, is not a user's.
func accountOf(sid *windows.SID) (name string, user bool) {
	account, domain, kind, err := sid.LookupAccount("")
	if err != nil {
		return sid.String(), !errors.Is(err, windows.ERROR_NONE_MAPPED)
	}
	return domain + `\` + account, kind == windows.SidTypeUser
}

func trustedOwner(name, sid string, owners []string) bool {
	account := name[strings.LastIndexByte(name, '\\')+1:]
	return slices.ContainsFunc(owners, func(o string) bool {
		return strings.EqualFold(o, name) || strings.EqualFold(o, account) || strings.EqualFold(o, sid)
	})
}

// isAdministrator reports whether a user is a direct member of this machine's
// group of administrators, as its first user is. So a service that runs as
// LocalSystem can use that user's root.
func isAdministrator(user *windows.SID) bool {
	group, err := windows.CreateWellKnownSid(windows.WinBuiltinAdministratorsSid)
	if err != nil {
		return false
	}
	name, _, _, err := group.LookupAccount("") // its name is in the language of the system
	if err != nil {
		return false
	}
	p, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return false
	}
	var buf *byte
	var read, total uint32
	const all = ^uintptr(0) // MAX_PREFERRED_LENGTH
	list := windows.NewLazySystemDLL("netapi32.dll").NewProc("NetLocalGroupGetMembers")
	if list.Find() != nil {
		return false
	}
	status, _, _ := list.Call(0, uintptr(unsafe.Pointer(p)), 0, uintptr(unsafe.Pointer(&buf)), all&0xffffffff,
		uintptr(unsafe.Pointer(&read)), uintptr(unsafe.Pointer(&total)), 0)
	if status != 0 || buf == nil {
		return false
	}
	defer func() { _ = windows.NetApiBufferFree(buf) }()
	members := unsafe.Slice((**windows.SID)(unsafe.Pointer(buf)), read) // LOCALGROUP_MEMBERS_INFO_0
	return slices.ContainsFunc(members, user.Equals)
}

// FileID identifies a file, whatever names it has.
type FileID struct {
	volume    uint32
	high, low uint32
}

// Disk returns a number that identifies the file system of the file.
func (id FileID) Disk() uint64 { return uint64(id.volume) }

// Identify returns the identity of a file, and the number of its hard links.
func Identify(path string, _ fs.FileInfo) (id FileID, links int) {
	f, err := os.Open(path)
	if err != nil {
		return FileID{}, 1
	}
	defer f.Close()
	var info windows.ByHandleFileInformation
	if windows.GetFileInformationByHandle(windows.Handle(f.Fd()), &info) != nil {
		return FileID{}, 1
	}
	return FileID{info.VolumeSerialNumber, info.FileIndexHigh, info.FileIndexLow}, int(info.NumberOfLinks)
}
