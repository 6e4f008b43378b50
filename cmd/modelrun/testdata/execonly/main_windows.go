// Command execonly starts the given program, waits, and does nothing else. It
// measures the minimum time that any launcher written in Go adds on Windows.
package main

import (
	"os"
	"strings"
	"syscall"
	"unsafe"
)

func main() {
	if len(os.Args) == 1 {
		return // this process is the started program
	}
	path, _ := syscall.UTF16PtrFromString(os.Args[1])
	line, _ := syscall.UTF16PtrFromString(strings.Join(os.Args[1:], " "))
	start := syscall.StartupInfo{Cb: uint32(unsafe.Sizeof(syscall.StartupInfo{}))}
	var p syscall.ProcessInformation
	if syscall.CreateProcess(path, line, nil, nil, true, 0, nil, nil, &start, &p) != nil {
		os.Exit(126)
	}
	_, _ = syscall.WaitForSingleObject(p.Process, syscall.INFINITE)
	var code uint32
	_ = syscall.GetExitCodeProcess(p.Process, &code)
	os.Exit(int(code))
}
