// Command modelrun starts a local model program in the right Python environment.
package main

import (
	"os"
	"runtime"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/shim"
	"github.com/modelrun/modelrun/shim/cli"
)

var version = "dev" // set by the linker for a release

// The one use of init: PDEATHSIG and the signal mask belong to a thread, and
// what is set on the main goroutine must hold for the thread that execs.
func init() { runtime.LockOSThread() }

func main() {
	args, tail := execx.Args()
	os.Exit(shim.Main(cli.Invocation{
		Program:   args[0],
		Args:      args[1:],
		Tail:      tail,
		Environ:   os.Environ(),
		Stdin:     os.Stdin,
		Stdout:    os.Stdout,
		Stderr:    os.Stderr,
		Version:   version,
		Failpoint: failpoint(),
	}))
}
