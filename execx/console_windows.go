package execx

import (
	"os/exec"
	"unsafe"

	"golang.org/x/sys/windows"
)

// HasConsole reports whether this process is attached to a console, with or
// without a window.
func HasConsole() bool { return ConsoleUsers() > 0 }

// ConsoleUsers returns the number of processes on our console, or 0 without
// one. (GetConsoleCP would also return 0 for a console of Wine 10, measured.)
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

// OpenConsole creates a console for this process and reports whether it did; it
// does nothing if there is one. It replaces the standard handles and disables
// Go's handler of console events.
func OpenConsole() bool {
	ok, _, _ := kernel32("AllocConsole").Call()
	return ok != 0
}

// ConsoleWindow returns the window of our console, or 0.
func ConsoleWindow() windows.HWND {
	window, _, _ := kernel32("GetConsoleWindow").Call()
	return windows.HWND(window)
}

// StartDetached starts a program and does not wait for it. The program inherits
// none of our handles, and runs in the system's folder.
func StartDetached(path string, args ...string) error {
	system, err := windows.GetSystemDirectory()
	if err != nil {
		return err
	}
	c := exec.Command(path, args...) //nolint:gosec // modelrunw itself
	c.Dir = system
	return c.Start()
}

// CloseConsole detaches from our console, which ends with its last process.
func CloseConsole() { _, _, _ = kernel32("FreeConsole").Call() }

// allowForeground does what Explorer expects of a double-clicked program without a
// console. The pointer is busy until the program reads a message, and only
// allowed processes may put a window in front.
func allowForeground() {
	user32 := windows.NewLazySystemDLL("user32.dll")
	const anybody = 0xffffffff // ASFW_ANY
	_, _, _ = user32.NewProc("AllowSetForegroundWindow").Call(anybody)
	if ok, _, _ := user32.NewProc("PostMessageW").Call(0, 0, 0, 0); ok != 0 { // to this thread, else reading would wait
		var message [6]uintptr // MSG
		_, _, _ = user32.NewProc("GetMessageW").Call(uintptr(unsafe.Pointer(&message)), 0, 0, 0)
	}
}

// kernel32 returns a function of kernel32.dll.
func kernel32(name string) *windows.LazyProc {
	return windows.NewLazySystemDLL("kernel32.dll").NewProc(name)
}
