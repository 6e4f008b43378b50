// Package execx is about processes and knows nothing of environments. There
// are two kinds of child and two functions: Run captures a tool's output and
// never lets it outlive us, Become turns this process into the program.
package execx

import (
	"errors"
	"io"
	"time"
)

// Cmd is a tool that is run and captured. An Output that blocks does not hold
// Run beyond Timeout or ctx, and may then still be in its Write after Run.
type Cmd struct {
	Path    string        // absolute, anything else is refused; nothing is searched
	Args    []string      // without argv[0]
	Env     Environ       // whole; nil is an empty environment, never ours
	Dir     string        // "" is ours
	Timeout time.Duration // 0: none but the context's
	Output  io.Writer     // gets stdout and stderr as they come, one write at a time, until it fails; nil: nobody
	Started func(pid int) // called once the process runs; nil: nobody
}

// Result is what a tool left.
type Result struct {
	ExitCode int    // -1 when a signal ended it, ours included
	Stdout   []byte // at most 8 MiB
	Tail     string // the last 8 KiB of stderr, or of stdout where stderr is empty
	Took     time.Duration
	TimedOut bool // Timeout was over; the whole process group is gone
}

// Program is what this process is to become.
type Program struct {
	Path string   // absolute
	Argv []string // with argv[0]
	Tail string   // Windows: the arguments after argv[0] as they were typed; "" Argv's, quoted
	Env  Environ
	Dir  string       // "" is ours
	Keep []uintptr    // descriptors (on Windows handles) that the program inherits: leases
	Warn func(string) // Windows: told what cannot be guaranteed here; nil: nobody
}

// StartError is a program that is there and could not be started, or a working
// directory that could not be entered.
type StartError struct {
	Path   string // the program, or the working directory
	Reason string // in words
	Err    error  // fs.ErrNotExist only where Path itself is gone, never for its interpreter
}

// ErrTooLong is in a StartError for a command line that Windows, or cmd.exe for
// a batch file, would not read to its end.
var ErrTooLong = errors.New("its command line is too long")

func (e *StartError) Error() string { return e.Path + ": " + e.Reason }

func (e *StartError) Unwrap() error { return e.Err }

const (
	maxStdout = 8 << 20
	maxTail   = 8 << 10
	// drain bounds how long a grandchild that keeps our pipes open can hold us.
	drain = 2 * time.Second
)
