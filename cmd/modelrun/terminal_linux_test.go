package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/modelrun/modelrun/execx/execxtest"
	"github.com/modelrun/modelrun/resolve/uv/uvtest"
)

// terminal opens a pseudo-terminal. person is the side of the user, program that of
// the program.
func terminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("NOT TESTED: no terminals here: %v", err)
	}
	t.Cleanup(func() { _ = person.Close() })
	fd := int(person.Fd()) //nolint:gosec // a descriptor
	require.NoError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	require.NoError(t, err)
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = program.Close() })
	mode, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS) //nolint:gosec // a descriptor
	require.NoError(t, err)
	mode.Lflag &^= unix.ECHO // otherwise the test would read its own input back as output
	require.NoError(t, unix.IoctlSetTermios(int(program.Fd()), unix.TCSETS, mode))
	return person, program
}

// atTerminal starts a command as a terminal does: as the leader of its own session.
func atTerminal(t *testing.T, c *exec.Cmd) (person *os.File) {
	t.Helper()
	person, program := terminal(t)
	c.Stdin, c.Stdout, c.Stderr = program, program, program
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, c.Start())
	t.Cleanup(func() {
		_ = c.Process.Kill() // it may have ended
		_ = c.Wait()
	})
	return person
}

func TestTerminal(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	c := r.cmd(t, "--", "python", "-c", `import os
print([os.isatty(i) for i in range(3)], os.getsid(0) == os.getpid(), os.tcgetpgrp(0) == os.getpid(), os.isatty(os.open("/dev/tty", os.O_RDWR)))`)
	person := atTerminal(t, c)
	require.Equal(t, "[True, True, True] True True True", readLine(t, person))
	require.NoError(t, c.Wait())
}

// TestCtrlC checks that one Ctrl-C is one SIGINT: no process between the terminal
// and the program passes on a second one. The programs wait in short steps, because
// python notices a signal late if it arrives just before a long system call: only
// when that call returns.
func TestCtrlC(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	t.Run("once", func(t *testing.T) {
		t.Parallel()
		c := r.cmd(t, "--", "python", "-c", `import os, signal, sys, time
count = 0
def got(*_):
    global count
    count += 1
    os.write(1, b"INT\n")
signal.signal(signal.SIGINT, got)
print("runs", flush=True)
while not count: time.sleep(0.01)
sys.stdin.readline()
print(count, flush=True)`)
		person := atTerminal(t, c)
		require.Equal(t, "runs", readLine(t, person))
		typed(t, person, "\x03")
		require.Equal(t, "INT", readLine(t, person))
		typed(t, person, "\n")
		require.Equal(t, "1", readLine(t, person))
		require.NoError(t, c.Wait())
	})
	t.Run("KeyboardInterrupt", func(t *testing.T) {
		t.Parallel()
		c := r.cmd(t, "--", "python", "-c", "import time; print('runs', flush=True)\nwhile True: time.sleep(0.01)")
		person := atTerminal(t, c)
		require.Equal(t, "runs", readLine(t, person))
		typed(t, person, "\x03")
		for !strings.Contains(readLine(t, person), "KeyboardInterrupt") {
		}
		_ = c.Wait()
		require.Equal(t, syscall.SIGINT, waitStatus(t, c).Signal(), "python dies of it, as it does without modelrun")
	})
}

func typed(t *testing.T, person *os.File, text string) {
	t.Helper()
	_, err := person.WriteString(text)
	require.NoError(t, err)
}

// TestCtrlZ checks that Ctrl-Z stops the program for the shell that started
// modelrun, and that fg continues it.
func TestCtrlZ(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	c := r.other(t, "/bin/sh", "-c", `set -m; "$@"; echo stopped $?; fg >/dev/null; echo ended $?`,
		"sh", r.bin, "--", "python", "-c", "print('runs', flush=True); print('got', input(), flush=True); raise SystemExit(3)")
	person := atTerminal(t, c)
	await := func(line string) {
		for got := ""; got != line; got = readLine(t, person) {
			require.NotContains(t, got, "ended", "before %q", line)
		}
	}
	await("runs")
	typed(t, person, "\x1a")
	await(fmt.Sprintf("stopped %d", 128+int(syscall.SIGTSTP)))
	typed(t, person, "more\n")
	await("got more")
	await("ended 3")
	require.NoError(t, c.Wait())
}

// TestCtrlCWhileCreating checks Ctrl-C during a creation. The progress line
// disappears, with the terminal's echo of ^C, and a message says what was kept.
func TestCtrlCWhileCreating(t *testing.T) {
	t.Parallel()
	for name, words := range map[string][]string{"ensure": {"ensure", "--family", "onnx"}, "migrate": {"migrate", "--all", "--yes"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctrlCWhileCreating(t, words...)
		})
	}
}

func ctrlCWhileCreating(t *testing.T, words ...string) {
	t.Helper()
	r := sharedSandbox(t)
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	next, said := "modelrun: error", "interrupted by Ctrl-C; nothing was changed"
	if words[0] == "migrate" { // its table is printed first, on stdout
		next, said = "STATE ", "interrupted; 0 of 1 were moved"
		require.NoError(t, os.MkdirAll(filepath.Join(root, "environments", "org__name", ".venv"), 0o755))
	}
	tool := filepath.Join(dir, "slow-uv")
	require.NoError(t, execxtest.Write(tool, []byte(`#!/bin/sh
case "$*" in
*"pip sync"*)
	echo "Downloading onnxruntime (5.0MiB)" >&2
	while :; do sleep 0.01; done ;;
esac
exec "`+uvtest.Path(t)+`" "$@"
`)))
	c := r.cmd(t, append([]string{"--root", root}, words...)...)
	c.Env = append(slices.Concat(r.env, creating(t)), "MODELRUN_UV="+tool)
	person := atTerminal(t, c)
	fd := int(person.Fd()) //nolint:gosec // a descriptor
	mode, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	require.NoError(t, err)
	mode.Lflag |= unix.ECHO | unix.ECHOCTL // the usual setting of a terminal
	require.NoError(t, unix.IoctlSetTermios(fd, unix.TCSETS, mode))
	require.NoError(t, unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 50}))
	var all strings.Builder
	buf := make([]byte, 4096)
	for sent := false; !strings.Contains(all.String(), "modelrun: hint:") || !strings.HasSuffix(all.String(), "\n"); {
		n, err := person.Read(buf)
		require.NoError(t, err)
		all.Write(buf[:n])
		if !sent && strings.Contains(all.String(), "downloading [") {
			typed(t, person, "\x03")
			sent = true
		}
	}
	_ = c.Wait()
	require.Equal(t, 130, c.ProcessState.ExitCode())
	for _, drawn := range strings.FieldsFunc(all.String(), func(r rune) bool { return r == '\r' || r == '\n' }) {
		if strings.Contains(drawn, "downloading") {
			require.Less(t, len(drawn), 50, "a terminal would break it: %q", drawn)
		}
	}
	before, _, _ := strings.Cut(all.String(), next)
	require.Contains(t, before, "^C")
	screen := screenOf(before)
	require.Empty(t, screen[len(screen)-1], "what comes next begins a clean line, however short it is")
	screen = screenOf(all.String())
	require.NotContains(t, strings.Join(screen, "\n"), "^C")
	require.NotContains(t, strings.Join(screen, "\n"), "downloading")
	require.Regexp(t, `^modelrun: error: `+said, screen[len(screen)-3])
	require.Regexp(t, `^modelrun: hint: run the same command again to go on`, screen[len(screen)-2])
	require.Empty(t, screen[len(screen)-1], "the prompt begins a line")
}

// screenOf returns the lines that a wide terminal shows.
func screenOf(text string) []string {
	lines, column := [][]rune{nil}, 0
	for _, r := range text {
		at := len(lines) - 1
		switch r {
		case '\r':
			column = 0
		case '\n':
			lines, column = append(lines, nil), 0
		default:
			for len(lines[at]) <= column {
				lines[at] = append(lines[at], ' ')
			}
			lines[at][column] = r
			column++
		}
	}
	var out []string
	for _, line := range lines {
		out = append(out, strings.TrimRight(string(line), " "))
	}
	return out
}

// TestIgnoredSignals compares the signals that the caller had set to "ignored".
// Go's runtime loses some; execx.Become documents which.
func TestIgnoredSignals(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	script := `trap "" HUP INT QUIT USR1 USR2 PIPE TERM TSTP TTIN TTOU; exec "$@" -c 'grep -E "SigIgn|SigBlk" /proc/self/status'`
	mask := func(c *exec.Cmd) (ignored, blocked uint64) {
		t.Helper()
		_, err := fmt.Sscanf(output(t, c), "SigBlk: %x\nSigIgn: %x\n", &blocked, &ignored)
		require.NoError(t, err)
		return ignored, blocked
	}
	plain, plainBlocked := mask(r.other(t, "/bin/sh", "-c", script, "sh", "/bin/sh"))
	ours, blocked := mask(r.other(t, "/bin/sh", "-c", script, "sh", r.bin, "--", "/bin/sh"))
	require.Equal(t, plainBlocked, blocked)
	require.Zero(t, ours&^plain, "none becomes ignored that was not")
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU} {
		require.NotZero(t, ours&(1<<(sig-1)), sig)
	}
	for sig := syscall.Signal(1); sig < 32; sig++ {
		if plain&^ours&(1<<(sig-1)) != 0 {
			t.Logf("lost: %s", sig)
		}
	}
}
