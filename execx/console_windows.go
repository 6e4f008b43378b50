package execx

import (
	"os/exec"
	"unsafe"

	"golang.org/x/sys/windows"
)

// HasConsole reports whether this process is attached to a console, be it one
// without a window.
func HasConsole() bool { return ConsoleUsers() > 0 }

// ConsoleUsers is the number of processes on our console, 0 without one.
// (GetConsoleCP says 0 as well for a console of Wine 10, measured.)
func ConsoleUsers() int {
	var pids [2]uint32
	n, _, _ := kernel32("GetConsoleProcessList").Call(uintptr(unsafe.Pointer(&pids[0])), uintptr(len(pids)))
	return int(n)
}

// Windowed reports whether this program was linked for the GUI subsystem.
func Windowed() bool {
	var module windows.Handle
	if windows.GetModuleHandleEx(windows.GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT, nil, &module) != nil {
		return false
	}
	base := *(*unsafe.Pointer)(unsafe.Pointer(&module)) // the PE header that the loader mapped
	header := *(*int32)(unsafe.Add(base, 0x3c))
	subsystem := *(*uint16)(unsafe.Add(base, int(header)+24+68)) // signature, COFF header, offset in both optional headers
	return subsystem == 2                                        // IMAGE_SUBSYSTEM_WINDOWS_GUI
}

// OpenConsole gives us a console of our own, and reports whether it did: not
// where we have one. It replaces our standard handles and takes Go's handler of
// console events away.
func OpenConsole() bool {
	ok, _, _ := kernel32("AllocConsole").Call()
	return ok != 0
}

// ConsoleWindow is the window of our console, 0 where it has none.
func ConsoleWindow() windows.HWND {
	window, _, _ := kernel32("GetConsoleWindow").Call()
	return windows.HWND(window)
}

// Aside starts a program that nobody waits for. It gets none of our handles, and
// stands in no folder of ours.
func Aside(path string, args ...string) error {
	system, err := windows.GetSystemDirectory()
	if err != nil {
		return err
	}
	c := exec.Command(path, args...) //nolint:gosec // modelrunw itself
	c.Dir = system
	return c.Start()
}

// CloseConsole leaves our console, which ends with its last process.
func CloseConsole() { _, _, _ = kernel32("FreeConsole").Call() }

// comeForward does what Explorer waits for from a program without a console that
// was double-clicked: the pointer is busy until we read a message, and only whom
// we allow may put a window in front.
func comeForward() {
	user32 := windows.NewLazySystemDLL("user32.dll")
	const anybody = 0xffffffff // ASFW_ANY
	_, _, _ = user32.NewProc("AllowSetForegroundWindow").Call(anybody)
	if ok, _, _ := user32.NewProc("PostMessageW").Call(0, 0, 0, 0); ok != 0 { // to ourselves, or reading would wait
		var message [6]uintptr // MSG
		_, _, _ = user32.NewProc("GetMessageW").Call(uintptr(unsafe.Pointer(&message)), 0, 0, 0)
	}
}

func kernel32(name string) *windows.LazyProc {
	return windows.NewLazySystemDLL("kernel32.dll").NewProc(name)
}
