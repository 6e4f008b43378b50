// Command execonly starts the program that it is given, waits and does nothing
// else: what any launcher that is written in Go adds at least on Windows.
package main

import (
	"os"
	"strings"
	"syscall"
	"unsafe"
)

func main() {
	if len(os.Args) == 1 {
		return // as the program that is started
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
