// Package execx is about processes and knows nothing of environments. There
// are two kinds of child and two functions: Run captures a tool's output and
// never lets it outlive us, Become turns this process into the program.
package execx

import (
	"bytes"
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

// Program is what this process is to become.
type Program struct {
	Path string   // absolute
	Argv []string // with argv[0]
	Env  Environ
	Dir  string    // "" is ours
	Keep []uintptr // descriptors (on Windows handles) that the program inherits: leases
}

// StartError is a program that is there and could not be started, or a working
// directory that could not be entered.
type StartError struct {
	Path   string
	Reason string // in words
	Err    error
}

func (e *StartError) Error() string { return e.Path + ": " + e.Reason }

func (e *StartError) Unwrap() error { return e.Err }

const (
	maxStdout = 8 << 20
	maxTail   = 8 << 10
	// drain bounds how long a grandchild that keeps our pipes open can hold us.
	drain = 2 * time.Second
)

// head keeps the first bytes and drops the rest without an error: a tool that
// prints too much is not to fail for it.
type head struct{ bytes.Buffer }

func (h *head) Write(p []byte) (int, error) {
	if room := maxStdout - h.Len(); room > 0 {
		h.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// tail keeps the last bytes.
type tail struct{ buf []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p...)
	if len(t.buf) > 2*maxTail {
		t.buf = append(t.buf[:0], t.buf[len(t.buf)-maxTail:]...)
	}
	return len(p), nil
}

// String is whole lines where there are any.
func (t *tail) String() string {
	b := t.buf
	if len(b) > maxTail {
		b = b[len(b)-maxTail:]
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			b = b[i+1:]
		}
	}
	return string(bytes.TrimRight(b, "\n"))
}
