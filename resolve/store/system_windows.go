package store

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

// BootID has no counterpart here that survives a clock change.
func BootID() string { return "" }

func userName() string { return os.Getenv("USERNAME") } //nolint:forbidigo // only for a message

// Trusted says whether what lies at path can be used: unless it belongs to
// another user of this machine who is neither an administrator nor one of
// owners (names, DOMAIN\name or SIDs), or its owner cannot be read.
//
// Who else can write it is not asked: a folder that is made below C:\ or on
// another drive can by default be changed by every user who has signed in, and
// that is where people keep their models.
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

// ownerOf is nil on a file system without owners. To be denied the answer is
// none: that is what somebody else's folder does.
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

// noOwners is what a file system says that has none, or a server that tells none.
func noOwners(err error) bool {
	return errors.Is(err, windows.ERROR_NOT_SUPPORTED) || errors.Is(err, windows.ERROR_INVALID_FUNCTION)
}

// accountOf is DOMAIN\name of a SID, and whether it is a person's: not of the
// system, a service or a group. A SID that nobody here has, as on a disk from
// another machine, is nobody's.
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
// group of administrators, as its first user is: a service that runs as
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

type fileID struct {
	volume    uint32
	high, low uint32
}

func (id fileID) disk() uint64 { return uint64(id.volume) }

// identify names a file, and says how many links it has.
func identify(path string, _ fs.FileInfo) (id fileID, links int) {
	f, err := os.Open(path)
	if err != nil {
		return fileID{}, 1
	}
	defer f.Close()
	var info windows.ByHandleFileInformation
	if windows.GetFileInformationByHandle(windows.Handle(f.Fd()), &info) != nil {
		return fileID{}, 1
	}
	return fileID{info.VolumeSerialNumber, info.FileIndexHigh, info.FileIndexLow}, int(info.NumberOfLinks)
}
