package shim

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/modelrun/modelrun/execx"
)

const (
	// openAfter is how long a creation, a wait or a probe goes on before
	// modelrunw shows it.
	openAfter = 2 * time.Second
	// stay is how long the console of a degraded start can be read.
	stay = 5 * time.Second
	// held bounds how long the window of a double-click waits for Enter.
	held = 5 * time.Minute
	// showWarning and a text make modelrunw show that text, see close.
	showWarning = "--show-the-warning-of-another-modelrunw"
	// maxWarning is what surely fits into a command line.
	maxWarning = 8000
)

// console is what modelrunw, which has no stderr, speaks to: text is kept until
// there is something to wait for, and then shown in a console of our own.
//
// Not guaranteed: Ctrl-C in that console, and closing it, end us at once, as
// execx.OpenConsole takes Go's handler away. The installer dies with us, and what it
// left is removed by the next creation.
type console struct {
	env    execx.Environ
	mu     sync.Mutex
	kept   bytes.Buffer
	screen *os.File // nil: not open
}

// newConsole is nil where stderr can be written or where we are modelrun.exe:
// a parent that detached us wants no window.
func newConsole(stderr *os.File, env execx.Environ) *console {
	if !windowed() {
		return nil
	}
	if stderr != nil {
		if kind, err := windows.GetFileType(windows.Handle(stderr.Fd())); err == nil && kind != windows.FILE_TYPE_UNKNOWN {
			return nil
		}
	}
	return &console{env: env}
}

// windowed reports whether we are modelrunw, which starts pythonw.
func windowed() bool { return execx.Windowed() }

// Write keeps or shows text.
func (c *console) Write(text []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.screen != nil {
		_, _ = c.screen.Write(text) // a window that was closed is no failure
	}
	if bytes.HasPrefix(text, []byte("\r")) { // a progress line, which the next one overwrites
		return len(text), nil
	}
	return c.kept.Write(text)
}

// watch opens the console when the caller is still at it after a while.
func (c *console) watch() (stop func()) {
	if c == nil {
		return func() {}
	}
	timer := time.AfterFunc(openAfter, c.open)
	return func() { timer.Stop() }
}

// open shows what was kept and what follows.
func (c *console) open() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.screen != nil || !interactive() {
		return
	}
	names := [3]uint32{windows.STD_INPUT_HANDLE, windows.STD_OUTPUT_HANDLE, windows.STD_ERROR_HANDLE}
	var ours [3]windows.Handle
	for i, name := range names {
		ours[i], _ = windows.GetStdHandle(name) // none is an answer too
	}
	if !execx.OpenConsole() {
		return
	}
	for i, name := range names { // the program gets what we got, not our console
		_ = windows.SetStdHandle(name, ours[i])
	}
	if screen, err := os.OpenFile("CONOUT$", os.O_RDWR, 0); err == nil {
		c.screen = screen
		_, _ = screen.Write(c.kept.Bytes())
	}
}

// close takes the console away before the program starts. A warning stays for a
// moment while it runs, in a console of another process: who closes that, or
// types Ctrl-C there, would end us otherwise, and the program with us.
func (c *console) close(warned, logged bool) {
	if c == nil {
		return
	}
	c.free()
	switch {
	case !warned:
	case !interactive():
		c.keep(logged)
	default:
		text := c.kept.String()
		self, err := os.Executable()
		if err == nil {
			err = execx.StartDetached(self, showWarning, text[max(0, len(text)-maxWarning):])
		}
		if err != nil {
			c.box(windows.MB_ICONWARNING)
		}
	}
}

// showed is that other process.
func showed(inv Invocation) bool {
	if len(inv.Args) != 2 || inv.Args[0] != showWarning || !windowed() {
		return false
	}
	if execx.OpenConsole() {
		if screen, err := os.OpenFile("CONOUT$", os.O_RDWR, 0); err == nil {
			_, _ = io.WriteString(screen, inv.Args[1]) // a window that was closed is no failure
			time.Sleep(stay)
		}
	}
	return true
}

func (c *console) free() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.screen != nil {
		_ = c.screen.Close()
		execx.CloseConsole()
		c.screen = nil
	}
}

// fail shows what went wrong: in a box, or where nobody sits in a file.
func (c *console) fail(logged bool) {
	if c == nil {
		return
	}
	c.free()
	if interactive() {
		c.box(windows.MB_ICONERROR)
	} else {
		c.keep(logged)
	}
}

func (c *console) box(icon uint32) {
	text, err := windows.UTF16PtrFromString(c.kept.String())
	title, _ := windows.UTF16PtrFromString("modelrun") // has no NUL
	if err == nil {
		_, _ = windows.MessageBox(0, text, title, windows.MB_OK|windows.MB_SETFOREGROUND|icon)
	}
}

// keep writes what was said into a file of the user's, unless the log has it
// already.
func (c *console) keep(logged bool) {
	home := c.env.Get("LOCALAPPDATA")
	if logged || !filepath.IsAbs(home) {
		return
	}
	file := filepath.Join(home, "modelrun", "modelrunw.log")
	_ = os.MkdirAll(filepath.Dir(file), 0o700)
	if f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err == nil {
		_, _ = io.WriteString(f, time.Now().Format(time.RFC3339)+"\n"+c.kept.String())
		_ = f.Close()
	}
}

// interactive reports whether a person may see us. Services live in session 0;
// a window station that is not shown is that of an SSH server or a task.
func interactive() bool {
	var session uint32
	if windows.ProcessIdToSessionId(windows.GetCurrentProcessId(), &session) == nil && session == 0 {
		return false
	}
	user32 := windows.NewLazySystemDLL("user32.dll")
	station, _, _ := user32.NewProc("GetProcessWindowStation").Call()
	const uoiFlags, wsfVisible = 1, 1
	var info struct { // USEROBJECTFLAGS
		_, _  int32
		flags uint32
	}
	ok, _, _ := user32.NewProc("GetUserObjectInformationW").Call(station, uoiFlags, uintptr(unsafe.Pointer(&info)), unsafe.Sizeof(info), 0)
	return ok == 0 || info.flags&wsfVisible != 0
}

// hold waits for Enter, not for ever, where the console is ours alone and closes
// with us: a double-click in Explorer, whose text nobody could read otherwise.
func hold(stdin, stderr *os.File) {
	if execx.ConsoleUsers() != 1 || stdin == nil || stderr == nil || !isConsole(stdin) || !isConsole(stderr) || !seen() {
		return
	}
	_, _ = io.WriteString(stderr, "Press Enter to close this window.")
	pressed := make(chan struct{})
	go func() {
		_, _ = stdin.Read(make([]byte, 1))
		close(pressed)
	}()
	select {
	case <-pressed:
	case <-time.After(held):
	}
}

// seen reports whether a person may look at our console. The window that stands
// for a terminal's tab need not be visible itself.
func seen() bool {
	window := execx.ConsoleWindow()
	if window == 0 || !interactive() {
		return false
	}
	class := make([]uint16, 64)
	_, _ = windows.GetClassName(window, &class[0], int32(len(class))) // none: another one
	return windows.IsWindowVisible(window) || windows.UTF16ToString(class) == "PseudoConsoleWindow"
}

func isConsole(f *os.File) bool {
	var mode uint32
	return windows.GetConsoleMode(windows.Handle(f.Fd()), &mode) == nil
}

// showsUnicode reports whether text goes to a console, which Go writes UTF-16 to.
func showsUnicode(out io.Writer) bool {
	switch out := out.(type) {
	case *os.File:
		return out != nil && isConsole(out)
	case *console:
		return true
	}
	return false
}

// obeysEscapes reports whether a console shows colours. Its mode is the caller's,
// and not ours to change.
func obeysEscapes(f *os.File, env execx.Environ) bool {
	var mode uint32
	err := windows.GetConsoleMode(windows.Handle(f.Fd()), &mode)
	return err == nil && mode&windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING != 0 && env.Get("TERM") != "dumb"
}

// look is a command that shows who may do what with a file.
func look(path string) string { return `icacls "` + path + `"` }
