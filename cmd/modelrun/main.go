// Command modelrun starts a local model program in the right Python environment.
package main

import (
	"os"
	"runtime"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/shim"
	"github.com/modelrun/modelrun/shim/cli"
)

var version = "dev" // the linker sets it for a release

// init ties the main goroutine to the main thread. PDEATHSIG and the signal mask
// belong to a thread, so settings made on this goroutine must apply to the thread
// that execs. This is the only use of init.
func init() { runtime.LockOSThread() }

func main() {
	growStack()
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

// growStack makes the main goroutine's stack as large as a start needs, while there
// is almost nothing on it to copy. Letting it grow in three steps, deep in a JSON
// decoder, takes 2 to 4 % longer (measured).
//
//go:noinline
func growStack() byte {
	var space [32 << 10]byte
	return space[len(os.Args)%len(space)]
}
