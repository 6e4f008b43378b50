//go:build !windows

package terminal

import (
	"io"
	"os"

	"github.com/modelrun/modelrun/execx"
)

// Console is for Windows, where a program may have no stderr. A nil Console does
// nothing.
type Console struct{}

// NewConsole returns nil: there is always a stderr.
func NewConsole(*os.File, execx.Environ) *Console { return nil }

// Windowed is for Windows, where a program can be linked without a console.
func Windowed() bool { return false }

// ShowedWarning is for modelrunw on Windows.
func ShowedWarning([]string) bool { return false }

// Write drops the text.
func (*Console) Write(text []byte) (int, error) { return len(text), nil }

// Watch does nothing.
func (*Console) Watch() (stop func()) { return func() {} }

// Close does nothing.
func (*Console) Close(_, _ bool) {}

// Fail does nothing.
func (*Console) Fail(bool) {}

// WaitForEnter is for Windows, where a console may close with us.
func WaitForEnter(_, _ *os.File) {}

// LookCommand is a command that shows the owner and mode of a file.
func LookCommand(path string) string { return "ls -l " + path }

// showsUnicode is for Windows. Elsewhere the locale decides.
func showsUnicode(io.Writer) bool { return false }

// obeysEscapes reports whether a terminal shows colours.
func obeysEscapes(_ *os.File, env execx.Environ) bool {
	name := env.Get("TERM")
	return name != "" && name != "dumb"
}
