package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// started is a program whose stdout is read line by line.
type started struct {
	*exec.Cmd
	in  io.WriteCloser
	out io.Reader
}

func start(t *testing.T, c *exec.Cmd) *started {
	t.Helper()
	in, err := c.StdinPipe()
	require.NoError(t, err)
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	if c.Stderr == nil {
		c.Stderr = os.Stderr
	}
	require.NoError(t, c.Start())
	t.Cleanup(func() {
		_ = c.Process.Kill() // it may have ended
		_ = c.Wait()
	})
	return &started{c, in, out}
}

// line returns the next line. If a program prints nothing for minutes, line fails,
// and prints what the program is doing.
func (p *started) line(t *testing.T) string {
	t.Helper()
	if out, ok := p.out.(*os.File); ok && out.SetReadDeadline(time.Now().Add(2*time.Minute)) == nil {
		t.Cleanup(func() {
			if t.Failed() {
				for _, file := range []string{"cmdline", "status", "wchan", "syscall"} {
					data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.Process.Pid, file)) // only where /proc exists
					t.Logf("%s: %q", file, data)
				}
			}
		})
	}
	return readLine(t, p.out)
}

// readLine reads a line, and no byte beyond it.
func readLine(t *testing.T, r io.Reader) string {
	t.Helper()
	var line []byte
	for one := []byte{0}; ; {
		_, err := r.Read(one)
		require.NoError(t, err, "after %q", line)
		if one[0] == '\n' {
			return strings.TrimSuffix(string(line), "\r")
		}
		line = append(line, one[0])
	}
}
