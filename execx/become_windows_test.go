package execx_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"

	"github.com/modelrun/modelrun/execx"
)

// program returns this binary in a role, for Become.
func program(t *testing.T, role string, more ...string) execx.Program {
	t.Helper()
	path, err := os.Executable()
	require.NoError(t, err)
	return execx.Program{Path: path, Argv: []string{path}, Env: execx.NewEnviron(append(os.Environ(), more...)).With("EXECX_ROLE", role)}
}

// handover returns a parent that becomes p.
func handover(t *testing.T, p execx.Program) *exec.Cmd {
	t.Helper()
	var buf bytes.Buffer
	require.NoError(t, gob.NewEncoder(&buf).Encode(p))
	path, err := os.Executable()
	require.NoError(t, err)
	c := exec.CommandContext(t.Context(), path)
	c.Env = append(os.Environ(), "EXECX_ROLE=become:"+base64.StdEncoding.EncodeToString(buf.Bytes()))
	return c
}

func reports(t *testing.T, c *exec.Cmd) (r reported) {
	t.Helper()
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	require.NoError(t, err, errs.String())
	require.NoError(t, json.Unmarshal(out, &r), string(out))
	return r
}

func TestBecomeExitCodes(t *testing.T) {
	t.Parallel()
	for _, code := range []uint32{0, 1, 3, 42, 125, 255, 256, 259, 0x40010004, 0xC0000005, 0xC000013A, 0xC0000409, 0xFFFFFFFF} {
		c := handover(t, program(t, fmt.Sprint("exit32:", code)))
		_ = c.Run() // the test checks its exit code
		require.Equal(t, code, uint32(c.ProcessState.ExitCode()))
	}
}

// firstLine starts c and returns the first line of its output.
func firstLine(t *testing.T, c *exec.Cmd) string {
	t.Helper()
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(line)
}

// TestBecomeIsKilledWithParent checks that killing the parent kills the program and
// everything it started: 20 of 20 times.
func TestBecomeIsKilledWithParent(t *testing.T) {
	t.Parallel()
	for range 20 {
		c := handover(t, program(t, "tree"))
		var pid, grandchild int
		_, err := fmt.Sscan(firstLine(t, c), &pid, &grandchild)
		require.NoError(t, err)
		require.NotEqual(t, c.Process.Pid, pid)
		require.NoError(t, c.Process.Kill())
		_ = c.Wait()
		require.True(t, gone(pid))
		require.True(t, gone(grandchild))
	}
}

// TestBecomeLeavesBackgroundProcesses checks that processes that outlive the
// program's own end stay.
func TestBecomeLeavesBackgroundProcesses(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"daemon", "breakaway"} {
		c := handover(t, program(t, role))
		var pid int
		_, err := fmt.Sscan(firstLine(t, c), &pid)
		require.NoError(t, err, role)
		require.NoError(t, c.Wait(), role)
		h, err := windows.OpenProcess(windows.PROCESS_TERMINATE|windows.SYNCHRONIZE, false, uint32(pid))
		require.NoError(t, err, role)
		event, err := windows.WaitForSingleObject(h, 0)
		require.NoError(t, err)
		require.Equal(t, uint32(windows.WAIT_TIMEOUT), event, role)
		require.NoError(t, windows.TerminateProcess(h, 0))
		require.NoError(t, windows.CloseHandle(h))
	}
}

// TestBecomeCtrlC checks that one Ctrl-C is one event for the program, and that the
// parent survives it: 20 of 20 times.
func TestBecomeCtrlC(t *testing.T) {
	t.Parallel()
	for range 20 {
		require.Equal(t, "runs\nINT\n1\ncode 7\n", staged(t))
	}
}

// TestBecomeCtrlBreak checks that Ctrl-Break can be sent to the group of the
// parent, which the caller knows.
func TestBecomeCtrlBreak(t *testing.T) {
	t.Parallel()
	if execx.UnderWine() {
		t.Skip("Wine delivers none to a group")
	}
	require.Equal(t, "runs\nINT\n1\ncode 7\n", staged(t, "STAGE_BREAK=1"))
}

// staged returns the output of the counting program in its own console.
func staged(t *testing.T, more ...string) string {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	role := handover(t, program(t, "counts"))
	c := exec.CommandContext(t.Context(), self, self)
	c.Env = append(append(os.Environ(), more...), "EXECX_ROLE=stage", "STAGE_ROLE="+strings.TrimPrefix(role.Env[len(role.Env)-1], "EXECX_ROLE="))
	c.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.DETACHED_PROCESS}
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return strings.ReplaceAll(string(out), "\r", "")
}

func TestBecomeReport(t *testing.T) {
	t.Parallel()
	t.Run("the command line", func(t *testing.T) {
		t.Parallel()
		p := program(t, "report")
		p.Tail = `a"b""c  d" "" ` + "\t" + `\\"x ` // unusual quoting
		require.Equal(t, `"`+p.Path+`" `+p.Tail, reports(t, handover(t, p)).Line)
	})
	t.Run("the environment", func(t *testing.T) {
		t.Parallel()
		surrogate := "LONE=a\xed\xa0\x80b" // U+D800, which UTF-8 cannot encode
		got := reports(t, handover(t, program(t, "report", surrogate, `=Q:=Q:\x`, "EMPTY=", "ü=é☃")))
		for _, want := range []string{`"LONE=a\xed\xa0\x80b"`, `"=Q:=Q:\\x"`, `"EMPTY="`, `"\u00fc=\u00e9\u2603"`} {
			require.Contains(t, got.Env, want)
		}
	})
	t.Run("the folder, which is not held", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(t.TempDir(), "a b é")
		require.NoError(t, os.Mkdir(dir, 0o755))
		p := program(t, "tree")
		p.Dir = dir
		c := handover(t, p)
		c.Dir = t.TempDir()
		var pid, grandchild int
		_, err := fmt.Sscan(firstLine(t, c), &pid, &grandchild)
		require.NoError(t, err)
		// The program holds its own folder; the parent changed to another one.
		require.Error(t, os.Rename(dir, dir+"2"))
		require.NoError(t, os.Rename(c.Dir, c.Dir+"2"))
		require.NoError(t, c.Process.Kill())
		_ = c.Wait()
		require.True(t, gone(pid))
		require.True(t, gone(grandchild))
	})
	t.Run("priority and error mode", func(t *testing.T) {
		t.Parallel()
		c := handover(t, program(t, "report"))
		c.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.HIGH_PRIORITY_CLASS}
		got := reports(t, c)
		if !execx.UnderWine() { // Wine 10 does not set the requested class
			require.Equal(t, uint32(windows.HIGH_PRIORITY_CLASS), got.Priority)
		}
		// The reporting program is written in Go, which sets its own bits.
		require.Zero(t, got.ErrorMode&^0x8003)
	})
	t.Run("in a job, without a window", func(t *testing.T) {
		t.Parallel()
		for _, role := range []string{"report", "redirect"} {
			c := handover(t, program(t, role))
			c.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.DETACHED_PROCESS}
			got := reports(t, c)
			require.True(t, got.Job, role)
			require.Zero(t, got.Window, role)
			require.True(t, got.Console, "what %s starts has no reason to open one", role)
		}
	})
	t.Run("show-window, title and C descriptors", func(t *testing.T) {
		t.Parallel()
		reserved := append([]byte{4, 0, 0, 0}, make([]byte, 4+4*8)...) // four descriptors, none open
		title, err := windows.UTF16PtrFromString("My title")
		require.NoError(t, err)
		got := raw(t, func(si *startup) {
			si.flags |= windows.STARTF_USESHOWWINDOW
			si.show, si.title = windows.SW_SHOWMINNOACTIVE, title
			si.cbReserved2, si.reserved2 = uint16(len(reserved)), &reserved[0]
		})
		require.Equal(t, uint16(windows.SW_SHOWMINNOACTIVE), got.Show)
		require.Equal(t, "My title", got.Title)
		require.Equal(t, reserved, got.Reserved)
		require.NotZero(t, got.Flags&windows.STARTF_USESHOWWINDOW)
	})
	t.Run("no stdin", func(t *testing.T) {
		t.Parallel()
		got := raw(t, func(si *startup) { si.in = 0 })
		if !execx.UnderWine() { // Wine also replaces -1 by its console's handle
			require.EqualValues(t, -1, got.In)
		}
		require.NotEqual(t, uint32(got.Parent), got.InPid, "a handle to us")
	})
	t.Run("stdin -1", func(t *testing.T) {
		t.Parallel()
		got := raw(t, func(si *startup) { si.in = windows.InvalidHandle })
		require.NotEqual(t, uint32(got.Parent), got.InPid, "a handle to us")
	})
}

// raw starts a parent that becomes the reporting program, with a STARTUPINFO
// that os/exec cannot create.
func raw(t *testing.T, change func(*startup)) (r reported) {
	t.Helper()
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer read.Close()
	si := startup{flags: windows.STARTF_USESTDHANDLES, out: inheritable(t, write), err: inheritable(t, write)}
	change(&si)
	process := startRaw(t, handover(t, program(t, "report")), &si)
	defer func() { _ = windows.CloseHandle(process) }()
	require.NoError(t, write.Close())
	require.NoError(t, json.NewDecoder(read).Decode(&r))
	return r
}

func inheritable(t *testing.T, f *os.File) windows.Handle {
	t.Helper()
	h := windows.Handle(f.Fd())
	require.NoError(t, windows.SetHandleInformation(h, windows.HANDLE_FLAG_INHERIT, windows.HANDLE_FLAG_INHERIT))
	return h
}

// startRaw starts c's program with c's environment and this STARTUPINFO.
func startRaw(t *testing.T, c *exec.Cmd, si *startup) windows.Handle {
	t.Helper()
	si.cb = uint32(unsafe.Sizeof(*si))
	line, err := windows.UTF16PtrFromString(`"` + c.Path + `"`)
	require.NoError(t, err)
	var block []uint16
	for _, v := range c.Env {
		if text, err := windows.UTF16FromString(v); err == nil {
			block = append(block, text...)
		}
	}
	block = append(block, 0)
	var info windows.ProcessInformation
	require.NotZero(t, call("CreateProcessW", 0, uintptr(unsafe.Pointer(line)), 0, 0, 1, windows.CREATE_UNICODE_ENVIRONMENT,
		uintptr(unsafe.Pointer(&block[0])), 0, uintptr(unsafe.Pointer(si)), uintptr(unsafe.Pointer(&info))))
	require.NoError(t, windows.CloseHandle(info.Thread))
	return info.Process
}

// TestBecomeHandleByValue checks that a handle that a caller names on the command
// line has the same value in the program.
func TestBecomeHandleByValue(t *testing.T) {
	t.Parallel()
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer read.Close()
	h := windows.Handle(write.Fd())
	require.NoError(t, windows.SetHandleInformation(h, windows.HANDLE_FLAG_INHERIT, windows.HANDLE_FLAG_INHERIT))
	c := handover(t, program(t, fmt.Sprint("write:", uintptr(h))))
	c.SysProcAttr = &syscall.SysProcAttr{AdditionalInheritedHandles: []syscall.Handle{syscall.Handle(h)}}
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoError(t, write.Close())
	text := make([]byte, 20)
	n, err := read.Read(text)
	require.NoError(t, err)
	require.Equal(t, "by value", string(text[:n]))
}

// TestBecomeHoldsNoPipe checks that the reader notices when a program closes its
// stdout early: the parent has no copy.
func TestBecomeHoldsNoPipe(t *testing.T) {
	t.Parallel()
	c := handover(t, program(t, "closes"))
	in, err := c.StdinPipe()
	require.NoError(t, err)
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	_, err = out.Read(make([]byte, 1))
	require.ErrorContains(t, err, "EOF", "while it runs")
	require.NoError(t, in.Close())
	require.NoError(t, c.Wait())
}

// TestBecomeHoldsNoDescriptor checks the same for C descriptors. The test is not
// parallel, because the parent inherits every inheritable handle.
func TestBecomeHoldsNoDescriptor(t *testing.T) {
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer read.Close()
	in, end, err := os.Pipe()
	require.NoError(t, err)
	for _, ours := range []*os.File{read, end} { // Go's pipes are inheritable
		require.NoError(t, windows.SetHandleInformation(windows.Handle(ours.Fd()), windows.HANDLE_FLAG_INHERIT, 0))
	}
	h := inheritable(t, write)
	reserved := append([]byte{4, 0, 0, 0, 0, 0, 0, 1}, make([]byte, 4*8)...) // four descriptors, the last is open
	binary.LittleEndian.PutUint64(reserved[8+3*8:], uint64(h))
	si := startup{flags: windows.STARTF_USESTDHANDLES, in: inheritable(t, in), cbReserved2: uint16(len(reserved)), reserved2: &reserved[0]}
	process := startRaw(t, handover(t, program(t, fmt.Sprint("closes:", uintptr(h)))), &si)
	defer func() { _ = windows.CloseHandle(process) }()
	require.NoError(t, write.Close())
	_, err = read.Read(make([]byte, 1))
	require.ErrorContains(t, err, "EOF", "while it runs")
	require.NoError(t, end.Close())
	_, err = windows.WaitForSingleObject(process, windows.INFINITE)
	require.NoError(t, err)
	var code uint32
	require.NoError(t, windows.GetExitCodeProcess(process, &code))
	require.Zero(t, code)
}

func TestBecomeRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "text.exe")
	require.NoError(t, os.WriteFile(text, []byte("no program"), 0o755))
	self := program(t, "report")
	for name, c := range map[string]struct {
		p    execx.Program
		want string
	}{
		"nothing there":      {execx.Program{Path: filepath.Join(dir, "none.exe"), Argv: []string{"none"}}, "it does not exist"},
		"no folder there":    {execx.Program{Path: filepath.Join(dir, "none", "x.exe"), Argv: []string{"x"}}, "does not exist"},
		"no program":         {execx.Program{Path: text, Argv: []string{"text"}}, "it is no Windows program"},
		"no such folder":     {execx.Program{Path: self.Path, Argv: self.Argv, Dir: filepath.Join(dir, "none")}, ""},
		"a line too long":    {execx.Program{Path: self.Path, Argv: self.Argv, Tail: strings.Repeat("x", 33000)}, "Windows takes 32766"},
		"too long for cmd":   {execx.Program{Path: filepath.Join(dir, "x.bat"), Argv: []string{"x", strings.Repeat("x", 8100)}}, "cmd.exe, which runs batch files, reads 8191"},
		"a line break":       {execx.Program{Path: filepath.Join(dir, "x.bat"), Argv: []string{"x", "a\nb"}}, "line break"},
		"a batch file, gone": {execx.Program{Path: filepath.Join(dir, "x.BAT. "), Argv: []string{"x", "a\nb"}}, "line break"},
	} {
		_, err := execx.Become(c.p)
		var start *execx.StartError
		require.ErrorAs(t, err, &start, name)
		require.Contains(t, start.Reason, c.want, name)
	}
}

// TestBecomeBatch checks that text that cmd.exe would take for a command is passed
// as an argument.
func TestBecomeBatch(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "a b.cmd")
	require.NoError(t, os.WriteFile(file, []byte("@echo off\r\nset \"one=%~1\"\r\nsetlocal enabledelayedexpansion\r\necho [!one!]\r\nexit 9\r\n"), 0o755))
	args := []string{"plain", "a b", "&calc&", "x|y<z>", "é☃", "a^b"}
	if !execx.UnderWine() { // Wine's cmd.exe reads %cd:~,% differently
		args = append(args, "%PATH%")
	}
	for _, arg := range args {
		c := handover(t, execx.Program{Path: file, Argv: []string{"a b.cmd", arg}, Env: execx.NewEnviron(os.Environ())})
		out, _ := c.Output() // the test checks its exit code
		require.Equal(t, 9, c.ProcessState.ExitCode(), arg)
		if arg != "é☃" { // printed in the console's code page
			require.Equal(t, "["+arg+"]", strings.TrimSpace(string(out)))
		}
	}
}

// TestSplitLineIsPythons checks that Python splits the line as SplitLine does.
func TestSplitLineIsPythons(t *testing.T) {
	t.Parallel()
	python := os.Getenv("TEST_PYTHON")
	if python == "" {
		var err error
		if python, err = exec.LookPath("python.exe"); err != nil {
			t.Skip("no python here")
		}
	}
	for _, tail := range []string{
		`a "b c" d`, `"a""b c" d`, `"a"" b" c`, `a\\"b c" d`, `a\"b`, `""`, `"" ""`, `"a\\" b`, `a"b"" c d`, "a\tb  c ", `\\x\"y\\\"z`, `"open`, `"""a"""`, `^&|`,
	} {
		c := exec.CommandContext(t.Context(), python)
		c.SysProcAttr = &syscall.SysProcAttr{CmdLine: `python -c "import json,sys;print(json.dumps(sys.argv[1:]))" ` + tail}
		out, err := c.Output()
		require.NoError(t, err)
		var want []string
		require.NoError(t, json.Unmarshal(out, &want))
		args, _ := execx.SplitLine("python " + tail)
		require.Equal(t, want, args[1:], tail)
	}
}
