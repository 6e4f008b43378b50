package terminal

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
	// openDelay is the time that a creation, a wait or a probe may take before
	// modelrunw shows it.
	openDelay = 2 * time.Second
	// warningTime is how long the console of a degraded start stays open.
	warningTime = 5 * time.Second
	// enterTimeout is how long the window of a double-click waits for Enter.
	enterTimeout = 5 * time.Minute
	// warningFlag, followed by a text, makes modelrunw show that text; see Close.
	warningFlag = "--show-the-warning-of-another-modelrunw"
	// maxWarning is the length of a text that always fits into a command line.
	maxWarning = 8000
)

// Console receives the messages of modelrunw, which has no stderr. It keeps the
// text until something takes long, and then shows it in a console of its own. A nil
// Console does nothing.
//
// Not guaranteed: Ctrl-C in that console, and closing it, end modelrun at once,
// because execx.OpenConsole removes Go's handler. The installer ends with it. The
// next creation removes its files.
type Console struct {
	env    execx.Environ
	mu     sync.Mutex
	text   bytes.Buffer // everything except progress lines
	screen *os.File     // nil if it is not open
}

// NewConsole returns nil if stderr can be written, or if this is modelrun.exe: a
// parent that detached it wants no window.
func NewConsole(stderr *os.File, env execx.Environ) *Console {
	if !Windowed() {
		return nil
	}
	if stderr != nil {
		if kind, err := windows.GetFileType(windows.Handle(stderr.Fd())); err == nil && kind != windows.FILE_TYPE_UNKNOWN {
			return nil
		}
	}
	return &Console{env: env}
}

// Windowed reports whether this program is modelrunw, which starts pythonw.
func Windowed() bool { return execx.Windowed() }

// Write keeps the text, and shows it if the console is open.
func (c *Console) Write(text []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.screen != nil {
		_, _ = c.screen.Write(text) // a closed window is not an error
	}
	if bytes.HasPrefix(text, []byte("\r")) { // a progress line, which the next one overwrites
		return len(text), nil
	}
	return c.text.Write(text)
}

// Watch opens the console if stop is not called within 2 s.
func (c *Console) Watch() (stop func()) {
	if c == nil {
		return func() {}
	}
	timer := time.AfterFunc(openDelay, c.open)
	return func() { timer.Stop() }
}

// open shows the text so far and all text that follows.
func (c *Console) open() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.screen != nil || !hasUser() {
		return
	}
	names := [3]uint32{windows.STD_INPUT_HANDLE, windows.STD_OUTPUT_HANDLE, windows.STD_ERROR_HANDLE}
	var handles [3]windows.Handle
	for i, name := range names {
		handles[i], _ = windows.GetStdHandle(name) // there may be none
	}
	if !execx.OpenConsole() {
		return
	}
	for i, name := range names { // the program gets the handles that we got, not our console
		_ = windows.SetStdHandle(name, handles[i])
	}
	if screen, err := os.OpenFile("CONOUT$", os.O_RDWR, 0); err == nil {
		c.screen = screen
		_, _ = screen.Write(c.text.Bytes())
	}
}

// Close removes the console before the program starts. With warned, the text stays
// visible for 5 s in the console of another process. In our own console, closing it
// or typing Ctrl-C would end modelrun, and the program with it. If no user can see
// a window, Close saves the text to a file, unless logged.
func (c *Console) Close(warned, logged bool) {
	if c == nil {
		return
	}
	c.free()
	switch {
	case !warned:
	case !hasUser():
		c.save(logged)
	default:
		text := c.text.String()
		self, err := os.Executable()
		if err == nil {
			err = execx.StartDetached(self, warningFlag, text[max(0, len(text)-maxWarning):])
		}
		if err != nil {
			c.messageBox(windows.MB_ICONWARNING)
		}
	}
}

// ShowedWarning reports whether this process was started only to show a warning;
// see Console.Close. If it returns true, it has shown the warning.
func ShowedWarning(args []string) bool {
	if len(args) != 2 || args[0] != warningFlag || !Windowed() {
		return false
	}
	if execx.OpenConsole() {
		if screen, err := os.OpenFile("CONOUT$", os.O_RDWR, 0); err == nil {
			_, _ = io.WriteString(screen, args[1]) // a closed window is not an error
			time.Sleep(warningTime)
		}
	}
	return true
}

func (c *Console) free() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.screen != nil {
		_ = c.screen.Close()
		execx.CloseConsole()
		c.screen = nil
	}
}

// Fail shows the text in a message box. If no user can see a window, it saves the
// text to a file, unless logged.
func (c *Console) Fail(logged bool) {
	if c == nil {
		return
	}
	c.free()
	if hasUser() {
		c.messageBox(windows.MB_ICONERROR)
	} else {
		c.save(logged)
	}
}

func (c *Console) messageBox(icon uint32) {
	text, err := windows.UTF16PtrFromString(c.text.String())
	title, _ := windows.UTF16PtrFromString("modelrun") // it has no NUL
	if err == nil {
		_, _ = windows.MessageBox(0, text, title, windows.MB_OK|windows.MB_SETFOREGROUND|icon)
	}
}

// save appends the text to a file in the user's folder, unless the log file already
// has it.
func (c *Console) save(logged bool) {
	home := c.env.Get("LOCALAPPDATA")
	if logged || !filepath.IsAbs(home) {
		return
	}
	file := filepath.Join(home, "modelrun", "modelrunw.log")
	_ = os.MkdirAll(filepath.Dir(file), 0o700)
	if f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err == nil {
		_, _ = io.WriteString(f, time.Now().Format(time.RFC3339)+"\n"+c.text.String())
		_ = f.Close()
	}
}

// hasUser reports whether a person can see our windows. Services run in session 0.
// The window station of an SSH server or a scheduled task is not visible.
func hasUser() bool {
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

// WaitForEnter waits for Enter, for up to 5 minutes, if only modelrun uses the
// console and the console closes with it. Otherwise, after a double-click in
// Explorer, the text would disappear at once.
func WaitForEnter(stdin, stderr *os.File) {
	if execx.ConsoleUsers() != 1 || stdin == nil || stderr == nil || !isConsole(stdin) || !isConsole(stderr) || !isVisible() {
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
	case <-time.After(enterTimeout):
	}
}

// isVisible reports whether a person can see our console. The window behind a tab of
// Windows Terminal may itself be hidden.
func isVisible() bool {
	window := execx.ConsoleWindow()
	if window == 0 || !hasUser() {
		return false
	}
	class := make([]uint16, 64)
	_, _ = windows.GetClassName(window, &class[0], int32(len(class))) // on failure it stays empty
	return windows.IsWindowVisible(window) || windows.UTF16ToString(class) == "PseudoConsoleWindow"
}

func isConsole(f *os.File) bool {
	var mode uint32
	return windows.GetConsoleMode(windows.Handle(f.Fd()), &mode) == nil
}

// showsUnicode reports whether out is a console. Go writes UTF-16 to a console.
func showsUnicode(out io.Writer) bool {
	switch out := out.(type) {
	case *os.File:
		return out != nil && isConsole(out)
	case *Console:
		return true
	}
	return false
}

// obeysEscapes reports whether a console shows colours. Its mode belongs to the
// caller, so modelrun does not change it.
func obeysEscapes(f *os.File, env execx.Environ) bool {
	var mode uint32
	err := windows.GetConsoleMode(windows.Handle(f.Fd()), &mode)
	return err == nil && mode&windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING != 0 && env.Get("TERM") != "dumb"
}

// LookCommand returns a command that shows who may access a file.
func LookCommand(path string) string { return `icacls "` + path + `"` }
