package shim

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/windows"

	"github.com/modelrun/modelrun/execx"
)

const (
	// openAfter is how long a creation, a wait or a probe goes on before
	// modelrunw shows it.
	openAfter = 2 * time.Second
	// stay is how long the console of a degraded start can be read.
	stay = 5 * time.Second
)

// console is what modelrunw, which has no stderr, speaks to: text is kept until
// there is something to wait for, and then shown in a console of our own.
//
// Not guaranteed: Ctrl-C in that console, and closing it, end us at once, as
// execx.OpenConsole takes Go's handler away. The installer dies with us, and what it
// left is removed by the next creation.
type console struct {
	mu     sync.Mutex
	kept   bytes.Buffer
	screen *os.File // nil: not open
}

// newConsole is nil where stderr can be written or where we are modelrun.exe:
// a parent that detached us wants no window.
func newConsole(stderr *os.File) *console {
	if !execx.Windowed() {
		return nil
	}
	if stderr != nil {
		if kind, err := windows.GetFileType(windows.Handle(stderr.Fd())); err == nil && kind != windows.FILE_TYPE_UNKNOWN {
			return nil
		}
	}
	return &console{}
}

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

// close takes the console away before the program starts; a warning stays for a
// moment, while the program is already starting.
func (c *console) close(warned bool) {
	if c == nil {
		return
	}
	if warned {
		c.open()
		time.AfterFunc(stay, c.free)
		return
	}
	c.free()
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

// fail shows what went wrong: in a box, or where nobody sits in a file. It says
// nothing where the log has it already.
func (c *console) fail(logged bool, env execx.Environ) {
	if c == nil {
		return
	}
	c.free()
	if interactive() {
		text, err := windows.UTF16PtrFromString(c.kept.String())
		title, _ := windows.UTF16PtrFromString("modelrun") // has no NUL
		if err == nil {
			_, _ = windows.MessageBox(0, text, title, windows.MB_OK|windows.MB_ICONERROR|windows.MB_SETFOREGROUND)
		}
		return
	}
	if home := env.Get("LOCALAPPDATA"); !logged && filepath.IsAbs(home) {
		file := filepath.Join(home, "modelrun", "modelrunw.log")
		_ = os.MkdirAll(filepath.Dir(file), 0o700)
		if f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err == nil {
			_, _ = io.WriteString(f, time.Now().Format(time.RFC3339)+"\n"+c.kept.String())
			_ = f.Close()
		}
	}
}

// interactive reports whether a person may see us: services live in session 0.
func interactive() bool {
	var session uint32
	return windows.ProcessIdToSessionId(windows.GetCurrentProcessId(), &session) != nil || session != 0
}

// hold waits for a key where the console is ours alone and closes with us: a
// double-click in Explorer, whose text nobody could read otherwise.
func hold(stdin, stderr *os.File) {
	if execx.ConsoleUsers() != 1 || stdin == nil || stderr == nil || !isConsole(stdin) || !isConsole(stderr) {
		return
	}
	_, _ = io.WriteString(stderr, "Press Enter to close this window.")
	_, _ = stdin.Read(make([]byte, 1))
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

// look is a command that shows who may do what with a file.
func look(path string) string { return `icacls "` + path + `"` }
