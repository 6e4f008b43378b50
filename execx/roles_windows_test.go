package execx_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/modelrun/modelrun/execx"
)

// reported holds what a program can see about how it was started.
type reported struct {
	Line                       string
	In, Out, Err               int64  // standard handles
	InPid                      uint32 // the process to which the stdin handle refers
	ErrorMode, Priority, Flags uint32
	Show                       uint16
	Title                      string
	Reserved                   []byte
	Dir                        string
	Console, Job               bool
	Window                     uintptr  // of the console
	Env                        []string // raw, escaped to ASCII
	Parent                     int
}

// startup is STARTUPINFOW with the fields that x/sys/windows hides.
type startup struct {
	cb                                       uint32
	_                                        *uint16
	desktop, title                           *uint16
	x, y, xSize, ySize, xChars, yChars, fill uint32
	flags                                    uint32
	show, cbReserved2                        uint16
	reserved2                                *byte
	in, out, err                             windows.Handle
}

func systemRole(role, arg string) {
	switch role {
	case "report":
		check(json.NewEncoder(os.Stdout).Encode(report()))
	case "redirect": // to the report, as a venv's python.exe does to the base python
		self, err := os.Executable()
		check(err)
		c := exec.Command(self)
		c.Env = append(os.Environ(), "EXECX_ROLE=report")
		c.Stdout = os.Stdout
		check(c.Run())
	case "exit32":
		n, err := strconv.ParseUint(arg, 0, 32)
		check(err)
		os.Exit(int(n))
	case "tree": // prints its pid and that of a grandchild; then both keep running
		fmt.Println(os.Getpid(), child("sleep", 0))
		time.Sleep(time.Hour) // Go would report select {} as a deadlock
	case "daemon": // leaves a grandchild behind
		fmt.Println(child("sleep", windows.DETACHED_PROCESS))
	case "breakaway":
		fmt.Println(child("sleep", windows.CREATE_BREAKAWAY_FROM_JOB))
	case "write": // to the handle with this value
		n, err := strconv.ParseUint(arg, 10, 64)
		check(err)
		_, err = os.NewFile(uintptr(n), "handle").WriteString("by value")
		check(err)
	case "closes": // closes its stdout or the given handle, then waits for the end of stdin
		out := os.Stdout
		if n, err := strconv.ParseUint(arg, 10, 64); err == nil {
			out = os.NewFile(uintptr(n), "handle")
		}
		check(out.Close())
		_, _ = io.Copy(io.Discard, os.Stdin)
	case "counts": // counts Ctrl-C until it reads a line
		var count atomic.Int32
		got := make(chan os.Signal, 8)
		signal.Notify(got, os.Interrupt)
		go func() {
			for range got {
				count.Add(1)
				fmt.Println("INT")
			}
		}()
		fmt.Println("runs")
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
		fmt.Println(count.Load())
		os.Exit(7)
	case "stage": // a new console, in which Ctrl-C is typed
		stage()
	default:
		panic(role)
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func call(name string, args ...uintptr) uintptr {
	r, _, _ := windows.NewLazySystemDLL("kernel32.dll").NewProc(name).Call(args...)
	return r
}

func report() reported {
	var si startup
	call("GetStartupInfoW", uintptr(unsafe.Pointer(&si)))
	handle := func(name uint32) int64 { h, _ := windows.GetStdHandle(name); return int64(h) }
	r := reported{
		Line: windows.UTF16PtrToString(windows.GetCommandLine()),
		In:   handle(windows.STD_INPUT_HANDLE), Out: handle(windows.STD_OUTPUT_HANDLE), Err: handle(windows.STD_ERROR_HANDLE),
		ErrorMode: uint32(call("GetErrorMode")), Flags: si.flags, Show: si.show, Title: windows.UTF16PtrToString(si.title),
		Console: execx.HasConsole(), Window: call("GetConsoleWindow"), Parent: os.Getppid(),
	}
	r.InPid = uint32(call("GetProcessId", uintptr(r.In)))
	r.Priority, _ = windows.GetPriorityClass(windows.CurrentProcess())
	if si.cbReserved2 > 0 {
		r.Reserved = append(r.Reserved, unsafe.Slice(si.reserved2, si.cbReserved2)...)
	}
	r.Dir, _ = os.Getwd()
	var in int32
	call("IsProcessInJob", uintptr(windows.CurrentProcess()), 0, uintptr(unsafe.Pointer(&in)))
	r.Job = in != 0
	for _, v := range syscall.Environ() { // WTF-8, which JSON would replace
		r.Env = append(r.Env, strconv.QuoteToASCII(v))
	}
	return r
}

// child starts this binary in another role and returns its pid.
func child(role string, flags uint32) int {
	self, err := os.Executable()
	check(err)
	c := exec.Command(self)
	c.Env = append(os.Environ(), "EXECX_ROLE="+role)
	c.SysProcAttr = &syscall.SysProcAttr{CreationFlags: flags}
	check(c.Start())
	return c.Process.Pid
}

// stage starts its command line in a new console. When the program runs, stage
// types Ctrl-C (with STAGE_BREAK it sends Ctrl-Break to the process group). When
// the program has seen that, stage types a line. It prints the program's output and
// exit code.
func stage() {
	call("FreeConsole")
	if call("AllocConsole") == 0 {
		panic("no console")
	}
	call("SetConsoleCtrlHandler", windows.NewCallback(func(uint32) uintptr { return 1 }), 1) // AllocConsole removed Go's handler
	c := exec.Command(os.Args[1], os.Args[2:]...)
	c.Env = append(os.Environ(), "EXECX_ROLE="+os.Getenv("STAGE_ROLE"))
	c.Stderr = os.Stderr
	toGroup := os.Getenv("STAGE_BREAK") != ""
	if toGroup {
		c.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
	}
	in, err := c.StdinPipe()
	check(err)
	out, err := c.StdoutPipe()
	check(err)
	check(c.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		fmt.Println(lines.Text())
		switch lines.Text() {
		case "runs":
			event, group := uint32(windows.CTRL_C_EVENT), uint32(0)
			if toGroup {
				event, group = windows.CTRL_BREAK_EVENT, uint32(c.Process.Pid)
			}
			check(windows.GenerateConsoleCtrlEvent(event, group))
		case "INT":
			_, _ = io.WriteString(in, "\n")
		}
	}
	_ = c.Wait()
	fmt.Println("code", uint32(c.ProcessState.ExitCode()))
}

// gone waits until a process has ended.
func gone(pid int) bool {
	for range 3000 {
		h, err := windows.OpenProcess(windows.SYNCHRONIZE, false, uint32(pid))
		if err != nil {
			return true
		}
		event, _ := windows.WaitForSingleObject(h, 0)
		_ = windows.CloseHandle(h)
		if event == windows.WAIT_OBJECT_0 {
			return true
		}
		time.Sleep(10 * time.Millisecond) // polling
	}
	return false
}
