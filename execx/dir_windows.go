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

// Name returns a name of dir that CreateProcess accepts: dir itself if it is
// short enough, else its short (8.3) name, else a junction below Links, which
// is created once and then reused. The name never begins with \\?\, because
// python and its modules cannot work below such a name.
//
// dir is absolute and exists. A junction is held open until this process ends,
// so that Remove cannot delete it while a program runs in it. A junction cannot
// lead to another machine. An error is a [*StartError] with dir itself.
func (d Dirs) Name(dir string) (string, error) {
	dir = Plain(filepath.Clean(dir))
	if d.fits(dir) {
		return dir, nil
	}
	short := shortName(dir)
	if short != "" && d.fits(short) {
		return short, nil
	}
	link, err := d.junction(dir)
	if err == nil {
		return link, nil
	}
	return "", &StartError{dir, fmt.Sprintf("it has %d characters, and Windows starts no program in a folder with more than %d; "+
		"it has no short (8.3) name that would do, and no junction to it could be made: %v", length(dir), d.limit(), err), err}
}

// Leave changes the working directory if no child could inherit it. Relative
// paths then have another meaning.
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

// limit returns Limit or its default.
func (d Dirs) limit() int { return cmp.Or(d.Limit, MaxDir) }

// fits reports whether CreateProcess accepts dir.
func (d Dirs) fits(dir string) bool { return length(dir) <= d.limit() }

// length counts UTF-16 units, as Windows does.
func length(path string) int {
	units, _ := windows.UTF16FromString(path) // fails if it contains a zero: no such folder exists
	return len(units) - 1
}

// shortName returns the 8.3 name of an existing folder, or "" if its volume has
// none:
// https://learn.microsoft.com/windows-server/administration/windows-commands/fsutil-8dot3name
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
	if !sameFolder(short, dir) {
		return ""
	}
	return short
}

// withPrefix turns C:\x into \\?\C:\x, which has no length limit.
func withPrefix(path string) string {
	if share, ok := strings.CutPrefix(path, `\\`); ok {
		return `\\?\UNC\` + share
	}
	return `\\?\` + path
}

// Plain removes \\?\ from the beginning of a path. The working directory at
// start can have this prefix, and python cannot work below it.
func Plain(path string) string {
	if share, ok := strings.CutPrefix(path, `\\?\UNC\`); ok {
		return `\\` + share
	}
	return strings.TrimPrefix(path, `\\?\`)
}

// sameFolder reports whether both names lead to the same folder.
func sameFolder(a, b string) bool {
	left, err1 := os.Stat(a)
	right, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(left, right)
}

// junction returns the junction to dir, and creates it if necessary. Its name and
// its content depend only on dir. Two processes therefore create the same one,
// and a junction with another target is corrected.
func (d Dirs) junction(dir string) (string, error) {
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
	for range 3 { // until it is held open, a cleaning process may remove it
		if !sameFolder(path, dir) {
			if err = makeJunction(path, dir); err != nil {
				continue
			}
		}
		var release func()
		if release, err = hold(path); err != nil {
			continue
		}
		if sameFolder(path, dir) {
			return path, nil
		}
		release()
		_ = os.Remove(path) // it leads nowhere: dir is on a network drive
		err = errors.New("a junction does not lead there")
	}
	return "", err
}

// makeJunction creates a junction, or changes its target.
func makeJunction(path, dir string) error {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	folder, err := openJunction(path, windows.GENERIC_WRITE)
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
		_ = os.Remove(path) // removes an empty folder or another user's link
		return &fs.PathError{Op: "junction", Path: path, Err: err}
	}
	return nil
}

// mountPoint returns the REPARSE_DATA_BUFFER of a junction to dir. It consists
// of the tag, the length of everything after the first 8 bytes, offset and
// length in bytes of the kernel's name and of the display name, and both names,
// each with a zero at its end:
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

// openJunction opens the link itself, not its target. The link cannot be
// removed until the handle is closed. That requires access to the list of the
// folder; access to its attributes would not be enough.
func openJunction(path string, access uint32) (windows.Handle, error) {
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

// hold prevents the removal of a link until this process ends, and records the
// day of its use.
func hold(path string) (release func(), err error) {
	h, err := openJunction(path, windows.FILE_READ_ATTRIBUTES|windows.FILE_WRITE_ATTRIBUTES)
	if err != nil {
		return nil, err
	}
	if info, err := os.Lstat(path); err == nil && time.Since(info.ModTime()).Abs() > 24*time.Hour {
		now := windows.NsecToFiletime(time.Now().UnixNano())
		_ = windows.SetFileTime(h, nil, nil, &now) // advisory
	}
	return func() { _ = windows.CloseHandle(h) }, nil
}

var linkName = regexp.MustCompile(`^[0-9a-f]{12}$`)

// List returns all junctions below Links, including those whose target is
// missing.
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
		l.Target, _ = os.Readlink(l.Path) // see Link
		out = append(out, l)
	}
	return out, nil
}

// Remove removes a junction, never its target. It returns an error if a program
// that was started in it still runs.
func (d Dirs) Remove(l Link) error {
	if filepath.Dir(l.Path) != filepath.Clean(d.Links) || !linkName.MatchString(filepath.Base(l.Path)) {
		return &fs.PathError{Op: "remove", Path: l.Path, Err: errors.New("no link of ours")}
	}
	err := os.Remove(l.Path) // removes a junction, but not a folder with content
	if errors.Is(err, windows.ERROR_SHARING_VIOLATION) {
		return fmt.Errorf("%s is the working directory of a program that runs: %w", l.Path, err)
	}
	return err
}
