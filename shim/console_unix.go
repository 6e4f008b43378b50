//go:build !windows

package shim

import (
	"io"
	"os"

	"github.com/modelrun/modelrun/execx"
)

// console is for Windows, where a program may have no stderr.
type console struct{}

func newConsole(*os.File, execx.Environ) *console { return nil }

// windowed is for Windows, where a program may have been linked to have no console.
func windowed() bool { return false }

// showed is for modelrunw.
func showed(Invocation) bool { return false }

func (*console) Write(text []byte) (int, error) { return len(text), nil }

func (*console) watch() (stop func()) { return func() {} }

func (*console) close(_, _ bool) {}

func (*console) fail(bool) {}

// showsUnicode is for Windows: elsewhere the locale says it.
func showsUnicode(io.Writer) bool { return false }

// obeysEscapes reports whether a terminal shows colours.
func obeysEscapes(_ *os.File, env execx.Environ) bool {
	name := env.Get("TERM")
	return name != "" && name != "dumb"
}

// look is a command that shows a file's owner and mode.
func look(path string) string { return "ls -l " + path }

// hold is for Windows, where a console may close with us.
func hold(_, _ *os.File) {}
