package execx

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sys/windows"
)

// Name is a name of dir that CreateProcess accepts: dir itself where it is
// short enough, else its short (8.3) name, else a junction below Links, which
// is made once and used again. It never begins with \\?\: python and what it
// imports cannot work below such a name.
//
// dir is absolute and exists. A junction is held until this process ends, so
// that Remove leaves it alone while a program runs in it. Links cannot lead to
// another machine. Error: a [*StartError] with dir itself.
func (d Dirs) Name(dir string) (string, error) {
	dir = Plain(filepath.Clean(dir))
	if d.fits(dir) {
		return dir, nil
	}
	short := shortName(dir)
	if short != "" && d.fits(short) {
		return short, nil
	}
	link, err := d.link(dir)
	if err == nil {
		return link, nil
	}
	return "", &StartError{dir, fmt.Sprintf("it has %d characters, and Windows starts no program in a folder with more than %d; "+
		"it has no short (8.3) name that would do, and no junction to it could be made: %v", length(dir), d.limit(), err), err}
}

// Leave takes us out of a working directory that no child of ours could
// inherit. Relative paths mean something else afterwards.
func (d Dirs) Leave() error {
	if cwd, err := os.Getwd(); err != nil || d.fits(cwd) {
		return err
	}
	system, err := windows.GetSystemDirectory()
	if err != nil {
		return err
	}
	return os.Chdir(system)
}

func (d Dirs) limit() int { return cmp.Or(d.Limit, MaxDir) }

func (d Dirs) fits(dir string) bool { return length(dir) <= d.limit() }

// length is in UTF-16 units, which is how Windows counts.
func length(path string) int {
	units, _ := windows.UTF16FromString(path) // a zero inside: no such folder is there
	return len(units) - 1
}

// shortName is the 8.3 name of a folder that is there; "" where its volume has
// none: https://learn.microsoft.com/windows-server/administration/windows-commands/fsutil-8dot3name
func shortName(dir string) string {
	path, err := windows.UTF16PtrFromString(withPrefix(dir))
	if err != nil {
		return ""
	}
	buf := make([]uint16, windows.MAX_LONG_PATH)
	n, err := windows.GetShortPathName(path, &buf[0], uint32(len(buf)))
	if err != nil || int(n) >= len(buf) {
		return ""
	}
	short := Plain(windows.UTF16ToString(buf[:n]))
	if !same(short, dir) {
		return ""
	}
	return short
}

// withPrefix turns C:\x into \\?\C:\x, which has no limit.
func withPrefix(path string) string {
	if share, ok := strings.CutPrefix(path, `\\`); ok {
		return `\\?\UNC\` + share
	}
	return `\\?\` + path
}

// Plain is path without a \\?\ in front: a working directory that we were
// started in may have one, and no python can work below it.
func Plain(path string) string {
	if share, ok := strings.CutPrefix(path, `\\?\UNC\`); ok {
		return `\\` + share
	}
	return strings.TrimPrefix(path, `\\?\`)
}

// same reports whether both names lead to one folder.
func same(a, b string) bool {
	left, err1 := os.Stat(a)
	right, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(left, right)
}

// link is the junction to dir. Its name and its content follow from dir alone:
// two processes that make it at once make the same one, and one that points
// elsewhere is set right.
func (d Dirs) link(dir string) (string, error) {
	if d.Links == "" {
		return "", errors.New("there is no folder for it, LOCALAPPDATA is not set")
	}
	sum := sha256.Sum256([]byte(dir))
	path := filepath.Join(d.Links, hex.EncodeToString(sum[:6]))
	if !d.fits(path) {
		return "", fmt.Errorf("%s is too long, too", path)
	}
	if err := os.MkdirAll(d.Links, 0o700); err != nil {
		return "", err
	}
	var err error
	for range 3 { // somebody who cleans may take it away until we hold it
		if !same(path, dir) {
			if err = makeLink(path, dir); err != nil {
				continue
			}
		}
		var release func()
		if release, err = hold(path); err != nil {
			continue
		}
		if same(path, dir) {
			return path, nil
		}
		release()
		_ = os.Remove(path) // leads nowhere: a drive of the network
		err = errors.New("a junction does not lead there")
	}
	return "", err
}

func makeLink(path, dir string) error {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	folder, err := openLink(path, windows.GENERIC_WRITE)
	if err != nil {
		return err
	}
	defer func() { _ = windows.CloseHandle(folder) }()
	data, err := mountPoint(dir)
	if err != nil {
		return err
	}
	var n uint32
	err = windows.DeviceIoControl(folder, windows.FSCTL_SET_REPARSE_POINT, &data[0], uint32(len(data)), nil, 0, &n, nil)
	if err != nil {
		_ = os.Remove(path) // an empty folder, or somebody else's link
		return &fs.PathError{Op: "junction", Path: path, Err: err}
	}
	return nil
}

// mountPoint is the REPARSE_DATA_BUFFER of a junction to dir: tag, length of
// what follows the first 8 bytes, then offset and length in bytes of the name
// for the kernel and of the name for people, then both, each ended by a zero:
// https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/ns-ntifs-_reparse_data_buffer
func mountPoint(dir string) ([]byte, error) {
	kernel, err := windows.UTF16FromString(`\??\` + dir)
	if err != nil {
		return nil, err
	}
	people := kernel[len(`\??\`):]
	b := binary.LittleEndian
	names := 2 * (len(kernel) + len(people))
	if 16+names > windows.MAXIMUM_REPARSE_DATA_BUFFER_SIZE {
		return nil, errors.New("its name is too long for a junction")
	}
	data := b.AppendUint32(nil, windows.IO_REPARSE_TAG_MOUNT_POINT)
	data = b.AppendUint16(data, uint16(8+names))
	data = b.AppendUint16(data, 0) // reserved
	data = b.AppendUint16(data, 0)
	data = b.AppendUint16(data, uint16(2*(len(kernel)-1)))
	data = b.AppendUint16(data, uint16(2*len(kernel)))
	data = b.AppendUint16(data, uint16(2*(len(people)-1)))
	for _, name := range [][]uint16{kernel, people} {
		for _, unit := range name {
			data = b.AppendUint16(data, unit)
		}
	}
	return data, nil
}

// openLink opens what lies at path, not what it leads to. Nobody can remove it
// until the handle is closed: asking for the list of a folder counts for that,
// asking for its attributes alone would not.
func openLink(path string, access uint32) (windows.Handle, error) {
	p, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, err
	}
	h, err := windows.CreateFile(p, access|windows.FILE_LIST_DIRECTORY, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE, nil,
		windows.OPEN_EXISTING, windows.FILE_FLAG_OPEN_REPARSE_POINT|windows.FILE_FLAG_BACKUP_SEMANTICS, 0)
	if err != nil {
		return 0, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return h, nil
}

// hold keeps a link from being removed until this process ends, and notes the
// day of its use.
func hold(path string) (release func(), err error) {
	h, err := openLink(path, windows.FILE_READ_ATTRIBUTES|windows.FILE_WRITE_ATTRIBUTES)
	if err != nil {
		return nil, err
	}
	if info, err := os.Lstat(path); err == nil && time.Since(info.ModTime()).Abs() > 24*time.Hour {
		now := windows.NsecToFiletime(time.Now().UnixNano())
		_ = windows.SetFileTime(h, nil, nil, &now) // advice
	}
	return func() { _ = windows.CloseHandle(h) }, nil
}

var linkName = regexp.MustCompile(`^[0-9a-f]{12}$`)

// List is all junctions below Links, also those whose target is gone.
func (d Dirs) List() ([]Link, error) {
	entries, err := os.ReadDir(d.Links)
	if errors.Is(err, fs.ErrNotExist) || d.Links == "" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []Link
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !linkName.MatchString(e.Name()) {
			continue
		}
		l := Link{Path: filepath.Join(d.Links, e.Name()), Used: info.ModTime()}
		l.Target, _ = os.Readlink(l.Path) // said in Link
		out = append(out, l)
	}
	return out, nil
}

// Remove removes a junction, never what it leads to. One in which a program
// was started that still runs stays, with an error.
func (d Dirs) Remove(l Link) error {
	if filepath.Dir(l.Path) != filepath.Clean(d.Links) || !linkName.MatchString(filepath.Base(l.Path)) {
		return &fs.PathError{Op: "remove", Path: l.Path, Err: errors.New("no link of ours")}
	}
	err := os.Remove(l.Path) // a folder with something in it stays, a junction goes alone
	if errors.Is(err, windows.ERROR_SHARING_VIOLATION) {
		return fmt.Errorf("%s is the working directory of a program that runs: %w", l.Path, err)
	}
	return err
}
