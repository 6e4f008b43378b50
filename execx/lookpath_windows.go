package execx

import (
	"bytes"
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf16"

	"golang.org/x/sys/windows"
)

const separators = `/\:`

// executable tries the name as it is if it has an extension, then with each
// extension of PATHEXT that CreateProcess can start. If there are x.py and
// x.exe, "x" is x.exe.
func executable(path string, env Environ) (string, error) {
	if filepath.Ext(path) != "" && startable(path) {
		return path, nil
	}
	const all = ".COM;.EXE;.BAT;.CMD"
	exts := env.Get("PATHEXT")
	if exts == "" {
		exts = all
	}
	for ext := range strings.SplitSeq(exts, ";") {
		if len(ext) == len(".exe") && strings.Contains(all, strings.ToUpper(ext)) && startable(path+ext) {
			return path + ext, nil
		}
	}
	return "", &fs.PathError{Op: "find", Path: path, Err: fs.ErrNotExist}
}

// startable reports whether path is a file or a Store alias of a program. An
// alias is empty and cannot be opened, but CreateProcess follows it. Windows
// itself includes an alias python.exe that only opens the Store.
func startable(path string) bool {
	if data := reparseData(path); data != nil {
		if target, ok := aliasTarget(data); ok {
			return !strings.EqualFold(filepath.Base(target), "AppInstallerPythonRedirector.exe")
		}
	}
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

// reparseData returns the reparse point at path, or nil.
func reparseData(path string) []byte {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil
	}
	if attrs, err := windows.GetFileAttributes(name); err != nil || attrs&windows.FILE_ATTRIBUTE_REPARSE_POINT == 0 {
		return nil
	}
	h, err := windows.CreateFile(name, 0, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE, nil,
		windows.OPEN_EXISTING, windows.FILE_FLAG_OPEN_REPARSE_POINT|windows.FILE_FLAG_BACKUP_SEMANTICS, 0)
	if err != nil {
		return nil
	}
	defer func() { _ = windows.CloseHandle(h) }()
	data := make([]byte, windows.MAXIMUM_REPARSE_DATA_BUFFER_SIZE)
	var n uint32
	if windows.DeviceIoControl(h, windows.FSCTL_GET_REPARSE_POINT, nil, 0, &data[0], uint32(len(data)), &n, nil) != nil {
		return nil
	}
	return data[:n]
}

const reparseTagAppExecLink = 0x8000001B // winnt.h: IO_REPARSE_TAG_APPEXECLINK

// aliasTarget returns the program of a Store alias: the third of its strings,
// after package and application. The format is not documented. Source:
// https://www.tiraniddo.dev/2019/09/overview-of-windows-execution-aliases.html
func aliasTarget(data []byte) (target string, ok bool) {
	const header = 12 // tag, length, reserved, version
	if len(data) < header || binary.LittleEndian.Uint32(data) != reparseTagAppExecLink {
		return "", false
	}
	body := data[header:]
	text := make([]uint16, len(body)/2)
	_ = binary.Read(bytes.NewReader(body), binary.LittleEndian, text) // text has exactly this length
	parts := strings.Split(string(utf16.Decode(text)), "\x00")
	if len(parts) < 3 {
		return "", true
	}
	return parts[2], true
}
