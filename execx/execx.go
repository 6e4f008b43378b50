// Package execx is about processes and knows nothing of environments. There
// are two kinds of child and two functions: Run captures a tool's output and
// never lets it outlive us, Become turns this process into the program.
package execx

import (
	"context"
	"errors"
	"io"
	"time"
)

// Cmd is a tool that is run and captured.
type Cmd struct {
	Path    string        // absolute; nothing is searched
	Args    []string      // without argv[0]
	Env     Environ       // whole; nil is an empty environment, never ours
	Dir     string        // "" is ours
	Timeout time.Duration // 0: none but the context's
	Output  io.Writer     // gets stdout and stderr as they come, besides Result; nil: nobody
	Started func(pid int) // called once the process runs; nil: nobody
}

// Result is what a tool left.
type Result struct {
	ExitCode int    // -1 when a signal ended it
	Stdout   []byte // at most 8 MiB
	Tail     string // the last 8 KiB of stderr, or of stdout where stderr is empty
	Took     time.Duration
	TimedOut bool // Timeout was over; the whole process group is gone
}

// Run starts the tool in a process group of its own that dies with us, and
// waits for it and its group. An exit code that is not 0 is no error. A
// cancelled ctx kills the group and returns context.Cause(ctx).
func Run(ctx context.Context, c Cmd) (Result, error) { return Result{}, errors.ErrUnsupported }

// Program is what this process is to become.
type Program struct {
	Path string   // absolute
	Argv []string // with argv[0]
	Env  Environ
	Dir  string    // "" is ours
	Keep []uintptr // descriptors (on Windows handles) that the program inherits: leases
}

// Become replaces this process by the program. On POSIX it is execve and
// returns only with an error; on Windows it waits for the child and returns
// its exit code.
func Become(p Program) (exitCode int, err error) { return 0, errors.ErrUnsupported }
