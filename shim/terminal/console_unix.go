//go:build !windows

package terminal

import (
	"io"
	"os"

	"github.com/modelrun/modelrun/execx"
)

// Console is used on Windows, where a program may have no stderr. A nil Console
// does nothing.
type Console struct{}

// NewConsole returns nil, because there is always a stderr.
func NewConsole(*os.File, execx.Environ) *Console { return nil }

// Windowed returns false. Only on Windows can a program be linked without a
// console.
func Windowed() bool { return false }

// ShowedWarning returns false. Only modelrunw on Windows shows such warnings.
func ShowedWarning([]string) bool { return false }

// Write drops the text.
func (*Console) Write(text []byte) (int, error) { return len(text), nil }

// Watch does nothing.
func (*Console) Watch() (stop func()) { return func() {} }

// Close does nothing.
func (*Console) Close(_, _ bool) {}

// Fail does nothing.
func (*Console) Fail(bool) {}

// WaitForEnter does nothing. It is used on Windows, where a console may close when
// modelrun ends.
func WaitForEnter(_, _ *os.File) {}

// LookCommand returns a command that shows the owner and mode of a file.
func LookCommand(path string) string { return "ls -l " + path }

// showsUnicode returns false: the locale decides.
func showsUnicode(io.Writer) bool { return false }

// obeysEscapes reports whether a terminal shows colours.
func obeysEscapes(_ *os.File, env execx.Environ) bool {
	name := env.Get("TERM")
	return name != "" && name != "dumb"
}
