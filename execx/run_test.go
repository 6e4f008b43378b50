package execx_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx"
)

func TestRunExitCodes(t *testing.T) {
	t.Parallel()
	for _, code := range []int{0, 1, 2, 42, 124, 125, 126, 127, 128, 137, 255} {
		res, err := execx.Run(t.Context(), self(t, fmt.Sprint("exit:", code)))
		require.NoError(t, err)
		require.Equal(t, code, res.ExitCode)
		require.False(t, res.TimedOut)
	}
}

func TestRunBoundsWhatItKeeps(t *testing.T) {
	t.Parallel()
	var live bytes.Buffer
	c := self(t, fmt.Sprint("print:", 9<<20))
	c.Output = &live
	res, err := execx.Run(t.Context(), c)
	require.NoError(t, err)
	require.Zero(t, res.ExitCode, "a tool that prints too much does not fail for it")
	require.Len(t, res.Stdout, 8<<20)
	require.Equal(t, "printed", res.Tail)
	require.Equal(t, 9<<20+len("printed\n"), live.Len(), "Output gets all of it")
}

func TestRunTail(t *testing.T) {
	t.Parallel()
	res, err := execx.Run(t.Context(), self(t, "lines:5000"))
	require.NoError(t, err)
	require.LessOrEqual(t, len(res.Tail), 8<<10)
	lines := strings.Split(res.Tail, "\n")
	require.Equal(t, "line 4999", lines[len(lines)-1])
	for _, line := range lines {
		require.Regexp(t, `^line \d+$`, line, "whole lines only")
	}
}

func TestRunHasEmptyStdinAndOnlyItsEnv(t *testing.T) {
	t.Parallel()
	res, err := execx.Run(t.Context(), self(t, "stdin"))
	require.NoError(t, err)
	require.Equal(t, "0 <nil>", string(res.Stdout))
	c := self(t, "")
	c.Env = execx.Environ{"EXECX_ROLE=env"}
	res, err = execx.Run(t.Context(), c)
	require.NoError(t, err)
	require.Contains(t, string(res.Stdout), "EXECX_ROLE=env")
	require.NotContains(t, string(res.Stdout), "PATH=")
}

func TestRunTimeout(t *testing.T) {
	t.Parallel()
	c := self(t, "sleep")
	c.Timeout = time.Second
	res, err := execx.Run(t.Context(), c)
	require.NoError(t, err)
	require.True(t, res.TimedOut)
	require.NotZero(t, res.ExitCode)
}

func TestRunCancelled(t *testing.T) {
	t.Parallel()
	why := errors.New("Ctrl-C")
	ctx, cancel := context.WithCancelCause(t.Context())
	c := self(t, "sleep")
	c.Started = func(int) { cancel(why) }
	_, err := execx.Run(ctx, c)
	require.ErrorIs(t, err, why)
	_, err = execx.Run(ctx, execx.Cmd{Path: "/never/started"})
	require.ErrorIs(t, err, why)
}

type failing struct{ calls int }

func (f *failing) Write([]byte) (int, error) { f.calls++; return 0, errors.New("disk full") }

func TestRunContinuesWhenOutputFails(t *testing.T) {
	t.Parallel()
	var f failing
	c := self(t, fmt.Sprint("print:", 1<<20))
	c.Output = &f
	res, err := execx.Run(t.Context(), c)
	require.NoError(t, err)
	require.Zero(t, res.ExitCode)
	require.Len(t, res.Stdout, 1<<20)
	require.Equal(t, 1, f.calls)
}

type blocking struct{ in, out chan struct{} }

func (b blocking) Write(p []byte) (int, error) { close(b.in); <-b.out; return len(p), nil }

func TestRunEndsWhenOutputBlocks(t *testing.T) {
	t.Parallel()
	b := blocking{make(chan struct{}), make(chan struct{})}
	defer close(b.out)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-b.in; cancel() }()
	c := self(t, "sleep")
	c.Output = b
	res, err := execx.Run(ctx, c)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, "asleep\n", string(res.Stdout))
}

func TestRunThatCannotStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := execx.Run(t.Context(), execx.Cmd{Path: filepath.Join(dir, "none")})
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = execx.Run(t.Context(), execx.Cmd{Path: filepath.Base(os.Args[0])})
	require.ErrorIs(t, err, fs.ErrNotExist, "nothing is taken from the working directory")
	c := self(t, "exit:0")
	c.Dir = filepath.Join(dir, "none")
	_, err = execx.Run(t.Context(), c)
	require.ErrorIs(t, err, fs.ErrNotExist)
}
