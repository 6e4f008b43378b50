package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/uv/uvtest"
)

// showing is a program that writes its arguments and its environment to a file in
// its own folder.
const showing = `import json, os, sys
from ctypes import c_uint, windll
got = os.path.join(os.path.dirname(os.path.abspath(__file__)), "got.json")
with open(got + ".new", "w") as f:
    json.dump({"argv": sys.argv[1:], "cwd": os.getcwd(), "executable": sys.executable, "stdin": sys.stdin is not None,
               "stdout": sys.stdout is not None, "window": windll.kernel32.GetConsoleWindow() != 0,
               "errormode": windll.kernel32.GetErrorMode(),
               "console": windll.kernel32.GetConsoleProcessList((c_uint * 2)(), 2) != 0, "degraded": os.environ["MODELRUN_ACTIVE_DEGRADED"]}, f)
os.replace(got + ".new", got)
raise SystemExit(42)
`

type shown struct {
	Argv                           []string
	Cwd, Executable                string
	Stdin, Stdout, Console, Window bool
	Degraded                       string
	ErrorMode                      uint32
}

// project makes a folder with a model and the program.
func project(t *testing.T) (dir string, got func() shown) {
	t.Helper()
	return projectIn(t, filepath.Join(t.TempDir(), "My model (é) & co"))
}

func projectIn(t *testing.T, folder string) (dir string, got func() shown) {
	t.Helper()
	dir = folder
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "model.onnx"), nil, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "load_model.py"), []byte(showing), 0o600))
	return dir, gotIn(t, dir)
}

// gotIn returns a function that reads the file that the program in a folder wrote.
func gotIn(t *testing.T, dir string) func() shown {
	return func() (s shown) {
		t.Helper()
		var data []byte
		require.Eventually(t, func() bool { // a starter need not wait, and a file that was just renamed is locked for a moment
			var err error
			data, err = os.ReadFile(filepath.Join(dir, "got.json"))
			return err == nil
		}, time.Minute, 10*time.Millisecond)
		require.NoError(t, json.Unmarshal(data, &s))
		return s
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, data, 0o755))
}

// TestBatchFile checks the batch file of docs/windows.md.
func TestBatchFile(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	dir, got := project(t)
	file := filepath.Join(dir, "load_model.cmd")
	copyFile(t, "../../examples/windows/load_model.cmd", file)
	for line, want := range map[string][]string{
		``:                              {},
		`one "x y" ""`:                  {"one", "x y", ""},
		`"é ☃" 日本 (x) a=b *.py`:         {"é ☃", "日本", "(x)", "a=b", "*.py"},
		`"a & b | c > d" "back\\" a\"b`: {"a & b | c > d", `back\`, `a"b`},
		`-m x --family y -- z`:          {"-m", "x", "--family", "y", "--", "z"},
	} {
		c := exec.CommandContext(t.Context(), os.Getenv("ComSpec"))
		c.SysProcAttr = &syscall.SysProcAttr{CmdLine: `cmd.exe /d /s /c ""` + file + `" ` + line + `"`}
		c.Dir, c.Env = r.model, r.env
		out, err := c.CombinedOutput()
		require.Error(t, err)
		require.Equal(t, 42, c.ProcessState.ExitCode(), "%s\n%s", line, out)
		require.Equal(t, want, got().Argv, line)
		require.Equal(t, r.python(), got().Executable)
	}
}

// TestShortcut checks a shortcut to modelrunw: no console, pythonw, and the folder
// that it names.
func TestShortcut(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	dir, got := project(t)
	link, script := filepath.Join(t.TempDir(), "My model.lnk"), filepath.Join(dir, "make.vbs")
	require.NoError(t, os.WriteFile(script, []byte(`Set s = CreateObject("WScript.Shell").CreateShortcut(WScript.Arguments(0))
s.TargetPath = WScript.Arguments(1)
s.Arguments = "-- python load_model.py ""x y"""
s.WorkingDirectory = WScript.Arguments(2)
s.Save
`), 0o600))
	windowedExe := filepath.Join(filepath.Dir(built), "modelrunw.exe")
	c := r.other(t, filepath.Join(os.Getenv("SystemRoot"), "System32", "cscript.exe"), "//nologo", script, link, windowedExe, dir)
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s", out)

	click := filepath.Join(t.TempDir(), "click.cmd") // start is a built-in command of cmd.exe
	require.NoError(t, os.WriteFile(click, []byte(`@start "t" /wait "%~1"`+"\r\n"), 0o600))
	require.FileExists(t, link)
	c = exec.CommandContext(t.Context(), os.Getenv("ComSpec"))
	c.SysProcAttr = &syscall.SysProcAttr{CmdLine: `cmd.exe /d /s /c ""` + click + `" "` + link + `""`}
	c.Dir, c.Env = r.model, r.env
	_ = c.Run() // start's exit code varies, and start may not wait
	s := got()
	require.Equal(t, []string{"x y"}, s.Argv)
	require.Equal(t, dir, s.Cwd)
	require.Equal(t, filepath.Join(filepath.Dir(r.python()), "pythonw.exe"), s.Executable)
	require.False(t, s.Console)
}

// bare starts a program as Explorer does, without any stream, and waits.
func bare(t *testing.T, dir string, env []string, line string) (exitCode uint32) {
	t.Helper()
	return bareAnd(t, windows.StartupInfo{}, windows.DETACHED_PROCESS, dir, env, line, func(string) {})
}

// bareAnd works like bare, but calls meanwhile while the process runs. console is
// one of the CreateProcess flags for the console.
func bareAnd(t *testing.T, start windows.StartupInfo, console uint32, dir string, env []string, line string, meanwhile func(pid string)) (exitCode uint32) {
	t.Helper()
	var block []uint16
	for _, v := range env {
		block = append(block, windows.StringToUTF16(v)...)
	}
	block = append(block, 0)
	text, err := windows.UTF16PtrFromString(line)
	require.NoError(t, err)
	folder, err := windows.UTF16PtrFromString(dir)
	require.NoError(t, err)
	start.Cb = uint32(unsafe.Sizeof(start))
	var p windows.ProcessInformation
	flags := windows.CREATE_UNICODE_ENVIRONMENT | console
	require.NoError(t, windows.CreateProcess(nil, text, nil, nil, false, flags, &block[0], folder, &start, &p))
	defer func() { _, _ = windows.CloseHandle(p.Thread), windows.CloseHandle(p.Process) }()
	meanwhile(strconv.Itoa(int(p.ProcessId)))
	event, err := windows.WaitForSingleObject(p.Process, uint32(2*time.Minute/time.Millisecond))
	require.NoError(t, err)
	require.Equal(t, uint32(windows.WAIT_OBJECT_0), event, "it hangs")
	require.NoError(t, windows.GetExitCodeProcess(p.Process, &exitCode))
	return exitCode
}

// somebody reports whether a user may be present. In session 0, where services such
// as a test runner run, there is none.
func somebody() bool {
	var session uint32
	return windows.ProcessIdToSessionId(windows.GetCurrentProcessId(), &session) != nil || session != 0
}

func needsSomebody(t *testing.T) {
	t.Helper()
	if !somebody() {
		t.Skip("nobody sits in session 0")
	}
}

// dismiss closes the message box of modelrunw as soon as it appears.
func dismiss(string) {
	if underWine() || !somebody() { // without a screen there is no box
		return
	}
	user32 := windows.NewLazySystemDLL("user32.dll")
	class, title := windows.StringToUTF16Ptr("#32770"), windows.StringToUTF16Ptr("modelrun")
	const wmClose = 0x10
	for {
		box, _, _ := user32.NewProc("FindWindowW").Call(uintptr(unsafe.Pointer(class)), uintptr(unsafe.Pointer(title)))
		if box != 0 {
			_, _, _ = user32.NewProc("PostMessageW").Call(box, wmClose, 0, 0)
			return
		}
		time.Sleep(10 * time.Millisecond) // a poll
	}
}

func TestWindowed(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	quoted := `"` + filepath.Join(filepath.Dir(built), "modelrunw.exe") + `"`
	t.Run("healthy", func(t *testing.T) {
		t.Parallel()
		dir, got := project(t)
		require.Equal(t, uint32(42), bare(t, dir, r.env, quoted+` load_model.py "a  b"`))
		s := got()
		require.Equal(t, shown{Argv: []string{"a  b"}, Cwd: dir, Executable: s.Executable, Degraded: "0"}, s, "no console, no streams, and a crash is Windows' to report")
		require.Equal(t, "pythonw.exe", filepath.Base(s.Executable))
	})
	t.Run("with a stderr", func(t *testing.T) {
		t.Parallel()
		dir, got := project(t)
		c := r.other(t, filepath.Join(filepath.Dir(built), "modelrunw.exe"), "load_model.py")
		c.Dir = dir
		out, _ := c.CombinedOutput() // the exit code is checked
		require.Equal(t, 42, c.ProcessState.ExitCode(), "%s", out)
		require.Equal(t, "pythonw.exe", filepath.Base(got().Executable))
		require.False(t, got().Console)
	})
	t.Run("a hotkey and a monitor are no streams", func(t *testing.T) {
		t.Parallel()
		dir, got := project(t)
		start := windows.StartupInfo{Flags: 0x200 | 0x400, StdInput: 0x74, StdOutput: 0x10001} // F5
		require.Equal(t, uint32(42), bareAnd(t, start, windows.DETACHED_PROCESS, dir, r.env, quoted+` load_model.py`, func(string) {}))
		require.False(t, got().Stdin)
		require.False(t, got().Stdout)
	})
	t.Run("a creation is shown", func(t *testing.T) {
		t.Parallel()
		needsSomebody(t)
		dir, got := project(t)
		self, err := os.Executable()
		require.NoError(t, err)
		env := slices.DeleteFunc(r.newcomer(t, t.TempDir()), func(v string) bool { return strings.HasPrefix(v, "MODELRUN_UV=") })
		env = append(env, "TEST_PART=uv", "TEST_UV="+uvtest.Path(t), "MODELRUN_UV="+self)
		require.Equal(t, uint32(42), bare(t, dir, env, quoted+` -- python load_model.py`))
		require.False(t, got().Console, "it is closed again")
	})
	t.Run("a degraded start is said", func(t *testing.T) {
		t.Parallel()
		needsSomebody(t)
		dir, got := project(t)
		root := t.TempDir()
		script := filepath.Join(dir, "wait.py")
		require.NoError(t, os.WriteFile(script, []byte("import os, time\nwhile not os.path.exists('go'): time.sleep(0.01)\n"+showing), 0o600))
		old := filepath.Join(root, "environments", string(envdir.LocalID(dir)), ".venv")
		c := exec.CommandContext(t.Context(), uvtest.Path(t), "venv", "-q", "--no-project", old)
		c.Env = append(r.env[:len(r.env):len(r.env)], "UV_PYTHON_DOWNLOADS=never")
		out, err := c.CombinedOutput()
		require.NoError(t, err, "%s", out)
		self, err := os.Executable()
		require.NoError(t, err)
		env := append(r.env[1:len(r.env):len(r.env)], "MODELRUN_ROOT="+root)
		code := bareAnd(t, windows.StartupInfo{}, windows.DETACHED_PROCESS, dir, env, quoted+` --no-create -m . -- python wait.py`, func(pid string) {
			// The program must continue after the end of the console that says why
			// it is degraded.
			out, err := exec.CommandContext(t.Context(), self, "interrupt", pid).CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "go"), nil, 0o600))
		})
		require.Equal(t, uint32(42), code)
		require.Equal(t, "1", got().Degraded)
	})
	t.Run("an error is not lost", func(t *testing.T) {
		t.Parallel()
		dir, _ := project(t)
		log := filepath.Join(t.TempDir(), "log")
		line := quoted + ` --log-file "` + log + `" --env nul -- python load_model.py`
		require.Equal(t, uint32(125), bareAnd(t, windows.StartupInfo{}, windows.DETACHED_PROCESS, dir, r.env, line, dismiss))
		text, err := os.ReadFile(log)
		require.NoError(t, err)
		require.Contains(t, string(text), `env key "nul"`)
	})
}

// uvThatWaits acts as a uv that continues when the modelrunw that started it has a
// console.
func uvThatWaits() int {
	if len(os.Args) > 1 && os.Args[1] != "--version" {
		attach(uintptr(^uint32(0))) // the parent's console
	}
	c := exec.Command(os.Getenv("TEST_UV"), os.Args[1:]...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	_ = c.Run() // the exit code is passed on
	return c.ProcessState.ExitCode()
}

// TestDetached checks that a parent without a console gets none, although the env's
// python.exe starts another python that would open one.
func TestDetached(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	dir, got := project(t)
	require.Equal(t, uint32(42), bare(t, dir, r.env, `"`+built+`" load_model.py`))
	require.Equal(t, "python.exe", filepath.Base(got().Executable))
	require.False(t, got().Window)
	if !underWine() { // Wine gives it the console's streams
		require.False(t, got().Stdin)
		require.False(t, got().Stdout)
	}
}

// TestNobodyToPressEnter checks that modelrun does not wait for Enter in an
// invisible console.
func TestNobodyToPressEnter(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	line := `"` + built + `" --env nul -- python`
	require.Equal(t, uint32(125), bareAnd(t, windows.StartupInfo{}, windows.CREATE_NO_WINDOW, r.model, r.env, line, func(string) {}))
	if !underWine() { // Wine opens no new console without a screen
		hidden := windows.StartupInfo{Flags: windows.STARTF_USESHOWWINDOW, ShowWindow: windows.SW_HIDE}
		require.Equal(t, uint32(125), bareAnd(t, hidden, windows.CREATE_NEW_CONSOLE, r.model, r.env, line, func(string) {}))
	}
}

// TestDoubleClick checks the console that a double-click opens and that closes with
// modelrun. An error stays visible until the user types Enter.
func TestDoubleClick(t *testing.T) {
	t.Parallel()
	if underWine() {
		t.Skip("Wine opens no new console without a screen")
	}
	needsSomebody(t)
	r := sharedSandbox(t)
	self, err := os.Executable()
	require.NoError(t, err)
	code := bareAnd(t, windows.StartupInfo{}, windows.CREATE_NEW_CONSOLE, r.model, r.env, `"`+built+`" --env nul -- python`, func(pid string) {
		out, err := exec.CommandContext(t.Context(), self, "press", pid).CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Contains(t, string(out), `env key "nul"`)
	})
	require.Equal(t, uint32(125), code)
}

// pressEnter types Enter in our console when modelrun asks for it, and prints the
// text of the console.
func pressEnter() {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	kernel32 := windows.NewLazySystemDLL("kernel32.dll")
	screen, err := os.OpenFile("CONOUT$", os.O_RDWR, 0)
	must(err)
	var text string
	for !strings.Contains(text, "Press Enter") {
		cells := make([]uint16, 80*25)
		var read uint32
		_, _, _ = kernel32.NewProc("ReadConsoleOutputCharacterW").Call(screen.Fd(), uintptr(unsafe.Pointer(&cells[0])), uintptr(len(cells)), 0, uintptr(unsafe.Pointer(&read)))
		text = windows.UTF16ToString(cells[:read])
		time.Sleep(10 * time.Millisecond) // a poll
	}
	os.Stdout.WriteString(text)
	keys, err := os.OpenFile("CONIN$", os.O_RDWR, 0)
	must(err)
	type key struct { // an INPUT_RECORD with a KEY_EVENT_RECORD
		kind, _            uint16
		down               int32
		repeat, code, scan uint16
		char               uint16
		control            uint32
	}
	enter := []key{{kind: 1, down: 1, repeat: 1, code: 0x0d, char: '\r'}, {kind: 1, repeat: 1, code: 0x0d, char: '\r'}}
	var written uint32
	ok, _, err := kernel32.NewProc("WriteConsoleInputW").Call(keys.Fd(), uintptr(unsafe.Pointer(&enter[0])), uintptr(len(enter)), uintptr(unsafe.Pointer(&written)))
	if ok == 0 {
		panic(err)
	}
}

// TestKill checks that killing modelrun.exe also ends the env's python, the
// interpreter behind it and its children: 20 of 20 times.
func TestKill(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	for range 20 {
		p := start(t, r.other(t, built, "--", "python", "-c", `import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
print(os.getpid(), os.getppid(), child.pid, flush=True)
input()`))
		pids := strings.Fields(p.line(t))
		require.Len(t, pids, 3)
		require.NoError(t, p.Process.Kill())
		_ = p.Wait()
		for _, pid := range pids {
			gone(t, pid)
		}
	}
}

// interrupt types Ctrl-C in the console of another modelrunw that the process
// parent started, and waits until that modelrunw has ended.
func interrupt(parent uint32) {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	var pid uint32
	for ; pid == 0; time.Sleep(10 * time.Millisecond) { // a poll
		snapshot, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
		must(err)
		entry := windows.ProcessEntry32{Size: uint32(unsafe.Sizeof(windows.ProcessEntry32{}))}
		for err = windows.Process32First(snapshot, &entry); err == nil; err = windows.Process32Next(snapshot, &entry) {
			if entry.ParentProcessID == parent && windows.UTF16ToString(entry.ExeFile[:]) == "modelrunw.exe" {
				pid = entry.ProcessID
			}
		}
		must(windows.CloseHandle(snapshot))
	}
	attach(uintptr(pid))
	shower, err := windows.OpenProcess(windows.SYNCHRONIZE, false, pid)
	must(err)
	kernel32 := windows.NewLazySystemDLL("kernel32.dll")
	_, _, _ = kernel32.NewProc("SetConsoleCtrlHandler").Call(0, 1) // ignore Ctrl-C in this process
	must(windows.GenerateConsoleCtrlEvent(windows.CTRL_C_EVENT, 0))
	_, err = windows.WaitForSingleObject(shower, windows.INFINITE)
	must(err)
}

// attach waits until a process has a console, and attaches to it.
func attach(pid uintptr) {
	kernel32 := windows.NewLazySystemDLL("kernel32.dll")
	for {
		_, _, _ = kernel32.NewProc("FreeConsole").Call()
		if ok, _, _ := kernel32.NewProc("AttachConsole").Call(pid); ok != 0 {
			return
		}
		time.Sleep(10 * time.Millisecond) // a poll
	}
}
