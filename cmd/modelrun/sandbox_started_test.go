package main

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// started is a program whose stdout is read a line at a time.
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

func (p *started) line(t *testing.T) string { t.Helper(); return readLine(t, p.out) }

// readLine reads no byte beyond the line.
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
