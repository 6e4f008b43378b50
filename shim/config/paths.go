package config

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
)

// goodPath is the hint for an unusable name.
const goodPath = `give the whole name, as in C:\models\llama or \\server\share\llama`

// CheckName returns an error, on Windows, for a value that no file or folder can
// have as its name: Windows would open something else. from is the source of the
// value.
func CheckName(setting, value, from string) error {
	if runtime.GOOS != "windows" {
		return nil
	}
	if why := badPath(value); why != "" {
		return fault.New(fault.BadConfig, "%s: %s = \"%s\" cannot be used: %s", from, setting, value, why).Fix(goodPath)
	}
	return nil
}

// badPath returns the reason why a file or folder on Windows cannot have path p, or
// "". It looks only at the name, not at the disk:
// https://learn.microsoft.com/windows/win32/fileio/naming-a-file
func badPath(p string) string {
	rest := strings.ReplaceAll(p, "/", `\`)
	switch {
	case strings.HasPrefix(rest, `\\?\`), strings.HasPrefix(rest, `\\.\`), strings.HasPrefix(rest, `\??\`):
		return "no python works below a name that begins with " + p[:4]
	case strings.HasPrefix(rest, `\\`):
		server, share, _ := strings.Cut(rest[2:], `\`)
		share, below, _ := strings.Cut(share, `\`)
		if server == "" || share == "" {
			return "it names no share of a server"
		}
		rest = below
	case len(rest) >= 2 && rest[1] == ':' && isLetter(rest[0]):
		if len(rest) == 2 || rest[2] != '\\' {
			return "it depends on the current folder of drive " + strings.ToUpper(p[:2])
		}
		rest = rest[3:]
	}
	if len(p) > maxPath {
		return "it is longer than 32767 characters"
	}
	for part := range strings.SplitSeq(rest, `\`) {
		if why := badPart(part); why != "" {
			return why
		}
	}
	return ""
}

// maxPath and maxPart are the limits of Windows. They also apply after \\?\.
const (
	maxPath = 32767
	maxPart = 255
)

func badPart(part string) string {
	if part == "" || part == "." || part == ".." {
		return ""
	}
	if i := strings.IndexFunc(part, func(r rune) bool { return r < ' ' || strings.ContainsRune(`<>"|?*`, r) }); i >= 0 {
		return fmt.Sprintf("no name holds %q", part[i])
	}
	switch {
	case strings.Contains(part, ":"):
		return fmt.Sprintf("%q has a colon, which stands only after the letter of a drive", part)
	case strings.HasSuffix(part, ".") || strings.HasSuffix(part, " "):
		return fmt.Sprintf("%q ends in a dot or a space, which Windows drops", part)
	case envdir.DeviceName(part):
		return fmt.Sprintf("%q is the name of a device", part)
	case len(part) > maxPart && len([]rune(part)) > maxPart:
		return "a part of it is longer than 255 characters"
	}
	return ""
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// onDisk returns an error, on Windows, for a path that contradicts the disk: a
// drive that does not exist, a file in place of a folder, or a folder in place of a
// file. On other systems the system's own errors say so when the path is used.
func (l *loader) onDisk() error {
	if runtime.GOOS != "windows" {
		return nil
	}
	for _, r := range l.Rows() {
		if r.Kind != Path || !l.IsSet(r.Name) {
			continue
		}
		if why := misplaced(r.Text, r.Name != "root" && r.Name != "cwd"); why != "" {
			return fault.New(fault.BadConfig, "%s: %s = \"%s\" cannot be used: %s", r.From, r.Name, r.Text, why).Fix("name another one, or leave it out")
		}
	}
	return nil
}

// misplaced returns the reason why path cannot be a file, or a folder. A path that
// does not exist can become either.
func misplaced(path string, file bool) string {
	for dir := path; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		switch {
		case err == nil && dir == path && file && info.IsDir():
			return "it is a folder"
		case err == nil && dir == path && !file && !info.IsDir():
			return "it is not a folder"
		case err == nil && dir != path && !info.IsDir():
			return dir + " is not a folder"
		case err == nil:
			return ""
		case dir == filepath.Dir(dir):
			return dir + " cannot be reached: " + errText(err)
		}
	}
}

// errText returns a system error without its path, which the message already names.
func errText(err error) string {
	if e, ok := err.(*os.PathError); ok { //nolint:errorlint // os does not wrap it
		err = e.Err
	}
	return err.Error()
}
