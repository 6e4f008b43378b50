//go:build !windows

package execx_test

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx"
)

// handover runs a parent that becomes p, and returns its output and exit code.
func handover(t *testing.T, p execx.Program) (stdout, stderr string, code int) {
	t.Helper()
	cmd := role(t, encode(t, p))
	return collect(t, cmd)
}

func role(t *testing.T, role string) *exec.Cmd {
	t.Helper()
	path, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), path)
	cmd.Env = append(os.Environ(), "EXECX_ROLE="+role)
	return cmd
}

func collect(t *testing.T, cmd *exec.Cmd) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	require.NoError(t, cmd.Start())
	_ = cmd.Wait()
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func TestBecomeIsExact(t *testing.T) {
	t.Parallel()
	odd := []string{"printf", "[%s]", "", " a  b ", `"'\`, "--", "\xff\xfe", "ü", "$HOME", "a\nb"}
	out, stderr, code := handover(t, execx.Program{Path: "/usr/bin/printf", Argv: odd})
	require.Zero(t, code, stderr)
	require.Equal(t, "["+strings.Join(odd[2:], "][")+"]", out)
}

func TestBecomeEnvironment(t *testing.T) {
	t.Parallel()
	given := execx.Environ{"A=1", "A=2", "B\xff=\xfe", "junk", "EMPTY="}
	out, stderr, code := handover(t, execx.Program{Path: "/usr/bin/env", Argv: []string{"env"}, Env: given})
	require.Zero(t, code, stderr)
	require.Equal(t, strings.Join(given, "\n")+"\n", out, "every entry as it is, nothing of ours")
	env := execx.NewEnviron(given).With("B\xff", "3")
	out, _, _ = handover(t, execx.Program{Path: "/usr/bin/env", Argv: []string{"env"}, Env: env})
	require.Equal(t, "A=1\njunk\nEMPTY=\nB\xff=3\n", out)
}

func TestBecomeKeepsThePid(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	cmd := role(t, encode(t, execx.Program{Path: "/bin/sh", Argv: []string{"sh", "-c", "echo $$"}}))
	cmd.Stdout = &out
	require.NoError(t, cmd.Run())
	require.Equal(t, strconv.Itoa(cmd.Process.Pid), strings.TrimSpace(out.String()))
}

func TestBecomeExitCodesAndSignals(t *testing.T) {
	t.Parallel()
	for _, code := range []int{0, 1, 42, 124, 125, 126, 127, 255} {
		_, _, got := handover(t, execx.Program{Path: "/bin/sh", Argv: []string{"sh", "-c", "exit " + strconv.Itoa(code)}})
		require.Equal(t, code, got)
	}
	cmd := role(t, encode(t, execx.Program{Path: "/bin/sh", Argv: []string{"sh", "-c", "kill -TERM $$"}}))
	_ = cmd.Run()
	require.Equal(t, syscall.SIGTERM, cmd.ProcessState.Sys().(syscall.WaitStatus).Signal())
}

func TestBecomeDir(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	out, _, _ := handover(t, execx.Program{Path: "/bin/pwd", Argv: []string{"pwd"}, Dir: dir})
	require.Equal(t, dir+"\n", out)
	_, stderr, code := handover(t, execx.Program{Path: "/bin/pwd", Argv: []string{"pwd"}, Dir: dir + "/none"})
	require.Equal(t, 127, code)
	require.Contains(t, stderr, "working directory")
}

func TestBecomeKeepsDescriptors(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "lease")
	require.NoError(t, os.WriteFile(file, []byte("held"), 0o600))
	out, stderr, _ := collect(t, role(t, "keep:"+file))
	require.Equal(t, "held", out, stderr)
	// A descriptor that the parent inherited itself is passed on without Keep.
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	cmd := role(t, encode(t, execx.Program{Path: "/bin/sh", Argv: []string{"sh", "-c", "cat <&3"}}))
	cmd.ExtraFiles = []*os.File{f}
	out, stderr, _ = collect(t, cmd)
	require.Equal(t, "held", out, stderr)
}

// TestBecomeKeepsLimitAndMask checks that the program gets the original soft limit
// of open files, because of select(). Go raises the limit at start.
func TestBecomeKeepsLimitAndMask(t *testing.T) {
	t.Parallel()
	path, err := os.Executable()
	require.NoError(t, err)
	script := "ulimit -S -n 123; umask 027; exec " + path
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", script)
	cmd.Env = append(os.Environ(), "EXECX_ROLE="+encode(t, execx.Program{Path: "/bin/sh", Argv: []string{"sh", "-c", "ulimit -S -n; umask"}}))
	out, stderr, _ := collect(t, cmd)
	require.Equal(t, []string{"123", "0027"}, strings.Fields(out), stderr)
}

func TestBecomeKeepsIgnoredHangup(t *testing.T) {
	t.Parallel()
	path, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", "trap '' HUP; exec "+path) // nohup
	cmd.Env = append(os.Environ(), "EXECX_ROLE="+encode(t, execx.Program{Path: "/bin/sh", Argv: []string{"sh", "-c", "kill -HUP $$; echo alive"}}))
	out, stderr, _ := collect(t, cmd)
	require.Equal(t, "alive\n", out, stderr)
}

func TestBecomeRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), mode))
		return path
	}
	for name, tt := range map[string]struct {
		program execx.Program
		code    int
		words   string
	}{
		"nothing there":          {execx.Program{Path: dir + "/none"}, 127, "no such file"},
		"a folder":               {execx.Program{Path: dir}, 126, "folder"},
		"not executable":         {execx.Program{Path: file("plain", "#!/bin/sh\n", 0o644)}, 126, "not marked as executable"},
		"interpreter is missing": {execx.Program{Path: file("lost", "#!/none/python\n", 0o755)}, 126, "interpreter"},
		"no program at all":      {execx.Program{Path: file("text", "hello\n", 0o755)}, 126, "neither a program"},
		"arguments too long":     {execx.Program{Path: "/bin/sh", Env: long()}, 126, "too long"},
		"no such descriptor":     {execx.Program{Path: "/bin/sh", Keep: []uintptr{987}}, 126, "lease"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.program.Argv = []string{"x"}
			if name == "arguments too long" { // too long for the parent's own environment as well
				_, err := execx.Become(tt.program)
				var start *execx.StartError
				require.ErrorAs(t, err, &start)
				require.Contains(t, start.Reason, tt.words)
				return
			}
			_, stderr, code := handover(t, tt.program)
			require.Equal(t, tt.code, code)
			require.Contains(t, stderr, tt.words)
		})
	}
}

func long() execx.Environ { return execx.Environ{"A=" + strings.Repeat("x", 8<<20)} }

func encode(t *testing.T, p execx.Program) string {
	t.Helper()
	var buf bytes.Buffer
	require.NoError(t, gob.NewEncoder(&buf).Encode(p))
	return "become:" + base64.StdEncoding.EncodeToString(buf.Bytes())
}

// self returns the test binary in a role.
