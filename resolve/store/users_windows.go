package store

import (
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/modelrun/modelrun/resolve/envdir"
)

// Users returns the processes whose program is in an env: its python.exe, which
// stays as the parent of the base python that it starts, and its scripts. It does
// not find a base python that was started in another way, or processes that we may
// not inspect.
func Users(d envdir.Dir) []Process {
	snapshot, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		return nil
	}
	defer func() { _ = windows.CloseHandle(snapshot) }()
	venv := d.Venv()
	if real, err := filepath.EvalSymlinks(venv); err == nil { // expands 8.3 names: Windows reports long ones
		venv = real
	}
	venv = strings.ToLower(venv) + `\`
	var out []Process
	entry := windows.ProcessEntry32{Size: uint32(unsafe.Sizeof(windows.ProcessEntry32{}))}
	for err = windows.Process32First(snapshot, &entry); err == nil; err = windows.Process32Next(snapshot, &entry) {
		if pid := entry.ProcessID; int(pid) != os.Getpid() && strings.HasPrefix(strings.ToLower(imageOf(pid)), venv) {
			out = append(out, Process{int(pid), windows.UTF16ToString(entry.ExeFile[:])})
		}
	}
	return out
}

// imageOf returns the program of a process, or "" if we may not inspect it.
func imageOf(pid uint32) string {
	p, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, pid)
	if err != nil {
		return ""
	}
	defer func() { _ = windows.CloseHandle(p) }()
	buf := make([]uint16, windows.MAX_LONG_PATH)
	n := uint32(len(buf))
	if windows.QueryFullProcessImageName(p, 0, &buf[0], &n) != nil {
		return ""
	}
	return windows.UTF16ToString(buf[:n])
}

// UsersOf does the same as [Users] for several envs.
func UsersOf(dirs ...envdir.Dir) [][]Process {
	out := make([][]Process, len(dirs))
	for i, d := range dirs {
		out[i] = Users(d)
	}
	return out
}
