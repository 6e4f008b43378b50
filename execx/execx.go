// Package execx starts processes, and knows nothing about environments. There
// are two kinds of child and one function for each. Run captures a tool's
// output, and the tool never outlives this process. Become turns this process
// into the program.
package execx

import (
	"errors"
	"io"
	"time"
)

// Cmd is a tool whose output Run captures. An Output that blocks does not delay
// Run beyond Timeout or ctx. Its Write may then still be running after Run.
type Cmd struct {
	Path    string        // absolute; anything else is refused, and nothing is searched
	Args    []string      // without argv[0]
	Env     Environ       // complete; nil is an empty environment, never ours
	Dir     string        // "" for ours
	Timeout time.Duration // 0 for no limit except the context's
	Output  io.Writer     // gets stdout and stderr as they come, one write at a time, until it fails; may be nil
	Started func(pid int) // called once the process runs; may be nil
}

// Result is the outcome of a tool.
type Result struct {
	ExitCode int           // -1 if a signal ended it, including ours
	Stdout   []byte        // at most 8 MiB
	Tail     string        // the last 8 KiB of stderr, or of stdout if stderr is empty
	Took     time.Duration // from start to end
	TimedOut bool          // Timeout was exceeded; the whole process group was killed
}

// Program describes the program that this process becomes.
type Program struct {
	Path string       // absolute
	Argv []string     // with argv[0]
	Tail string       // Windows: the arguments after argv[0] as they were typed; "" for those of Argv, quoted
	Env  Environ      // complete
	Dir  string       // "" for ours
	Keep []uintptr    // leases: descriptors (on Windows handles) that the program inherits
	Warn func(string) // Windows: called with guarantees that cannot be kept here; may be nil
}

// StartError reports a program that could not be started, or a working
// directory that could not be entered.
type StartError struct {
	Path   string // the program, or the working directory
	Reason string // in plain language
	Err    error  // fs.ErrNotExist only if Path itself is missing, never for its interpreter
}

// ErrTooLong is part of a StartError if Windows, or cmd.exe for a batch file,
// would not read the whole command line.
var ErrTooLong = errors.New("its command line is too long")

// Error returns Path and Reason.
func (e *StartError) Error() string { return e.Path + ": " + e.Reason }

// Unwrap returns Err.
func (e *StartError) Unwrap() error { return e.Err }

const (
	maxStdout = 8 << 20
	maxTail   = 8 << 10
	// drain limits how long a grandchild that keeps our pipes open can delay
	// us.
	drain = 2 * time.Second
)
