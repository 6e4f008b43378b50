package execx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode/utf16"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Become starts the program, waits for it and returns its exit code, all 32
// bits of it. Windows has no exec: this process stays as a parent that nobody
// notices.
//
//   - Who ends us ends the program and what it started: all are in a job that
//     ends with our handle, from their first instruction on. What outlives the
//     program's own end may stay. CREATE_BREAKAWAY_FROM_JOB is allowed.
//   - Ctrl-C and Ctrl-Break are the program's; we outlive them. When the window
//     is closed, a user logs off or the system goes down, we wait for the
//     program's end.
//   - Show-window, title, position, desktop, C descriptors beyond 2, inheritable
//     handles with their values, streams and priority class arrive as we got
//     them. Where we have no console the program gets one without a window.
//   - The command line after argv[0] is Tail byte for byte, the environment Env.
//
// It returns an error only as a [*StartError], and then nothing was started.
// Keep is not handed over: the leases are ours and end with us.
//
// Not guaranteed: our error mode before Go's runtime changed it (the program
// gets the system's default, under which a crash reaches Windows Error
// Reporting), and the handles of other programs that reach into ours.
func Become(p Program) (exitCode int, err error) {
	line, app, err := lineOf(p)
	if err != nil {
		return 0, &StartError{p.Path, err.Error(), err}
	}
	// Before the program is there: a Ctrl-C in between would end us, and the job
	// it. Go's handler blocks on close, log-off and shutdown while SIGTERM is
	// wanted (https://go.dev/issue/41884); signal.Ignore would not ignore at all.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGTERM) // nobody reads: they are the program's
	// Told after the program, when the system goes down: it is at 0x280.
	_ = windows.SetProcessShutdownParameters(0x27f, 0)

	job, err := newJob(windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | windows.JOB_OBJECT_LIMIT_BREAKAWAY_OK)
	if err != nil {
		job = 0
		unbound(p, err)
	}
	process, err := start(p, app, line, job)
	if err != nil {
		return 0, refused(p, err)
	}
	if Windowed() {
		comeForward()
	}
	stepAside()
	if _, err := windows.WaitForSingleObject(process, windows.INFINITE); err != nil {
		return 0, &StartError{p.Path, "it runs, and cannot be waited for: " + err.Error(), err}
	}
	var code uint32
	if err := windows.GetExitCodeProcess(process, &code); err != nil {
		return 0, &StartError{p.Path, "its exit code cannot be read: " + err.Error(), err}
	}
	if job != 0 {
		_ = limitJob(job, windows.JOB_OBJECT_LIMIT_BREAKAWAY_OK) // who is still there was meant to stay
	}
	return int(code), nil
}

// unbound says that there is no job for the program, which then may outlive a
// kill of us, no more: where the job that we are in allows no other.
func unbound(p Program, err error) {
	if p.Warn != nil {
		p.Warn(fmt.Sprintf("whoever ends modelrun will not end %s: it cannot be put into a job: %v", p.Path, err))
	}
}

const (
	// maxLine is CreateProcess' limit in UTF-16 units, with the closing zero.
	maxLine = 32767
	// maxBatchLine is cmd.exe's, without it: what follows it drops in silence.
	// https://learn.microsoft.com/troubleshoot/windows-client/shell-experience/command-line-string-limitation
	maxBatchLine = 8191
)

// lineOf is the command line and the program that reads it: the program itself,
// or cmd.exe for a batch file.
func lineOf(p Program) (line, app string, err error) {
	line, app = commandLine(p.Argv, p.Tail), p.Path
	if isBatch(p.Path) {
		system, err := windows.GetSystemDirectory()
		if err != nil {
			return "", "", err
		}
		app = filepath.Join(system, "cmd.exe")
		if line, err = batchLine(p.Path, p.Argv[1:]); err != nil {
			return "", "", err
		}
		line = `"` + app + `" ` + line
	}
	if strings.Contains(line, "\x00") {
		return "", "", errors.New("an argument holds a zero")
	}
	n := len(utf16.Encode([]rune(line)))
	switch {
	case n >= maxLine:
		return "", "", fmt.Errorf("%w: it has %d characters, and Windows takes %d", ErrTooLong, n, maxLine-1)
	case app != p.Path && n > maxBatchLine:
		return "", "", fmt.Errorf("%w: it has %d characters, and cmd.exe, which runs batch files, reads %d", ErrTooLong, n, maxBatchLine)
	}
	return line, app, nil
}

// isBatch reports whether CreateProcess would hand the file to cmd.exe, by a
// name that Windows may read without its last dots and spaces.
func isBatch(path string) bool {
	ext := strings.ToLower(filepath.Ext(strings.TrimRight(path, ". ")))
	return ext == ".bat" || ext == ".cmd"
}

// startupInfo is STARTUPINFOEXW: x/sys/windows hides the reserved fields, in
// which the C runtime hands on its descriptors.
type startupInfo struct {
	cb                                       uint32
	_                                        *uint16
	desktop, title                           *uint16
	x, y, xSize, ySize, xChars, yChars, fill uint32
	flags                                    uint32
	showWindow, cbReserved2                  uint16
	reserved2                                *byte
	stdInput, stdOutput, stdError            windows.Handle
	attributes                               *windows.ProcThreadAttributeList
}

const (
	procThreadAttributeJobList = 0x2000d // Windows 10

	// Set by a shell, they give the stream handles other meanings.
	startfUseHotkey  = 0x200
	startfUseMonitor = 0x400
)

func ownStartupInfo() (si startupInfo) {
	_, _, _ = kernel32("GetStartupInfoW").Call(uintptr(unsafe.Pointer(&si)))
	return si
}

// start creates the process, in the job. An antivirus may hold a program that
// was written a moment ago: it is tried again for about 1.5 s.
func start(p Program, app, line string, job windows.Handle) (windows.Handle, error) {
	pause := 10 * time.Millisecond
	for {
		process, err := create(p, app, line, job, true)
		if errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_INVALID_PARAMETER) || errors.Is(err, windows.ERROR_NOT_SUPPORTED) {
			// A job that we are in may not be nested, or Windows is too old for the attribute.
			process, err = create(p, app, line, job, false)
		}
		held := errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_SHARING_VIOLATION)
		if !held || pause > time.Second {
			return process, err
		}
		time.Sleep(pause)
		pause *= 2
	}
}

// create is one CreateProcess; with atBirth the process is born in the job,
// otherwise it is put there before it runs.
func create(p Program, app, line string, job windows.Handle, atBirth bool) (windows.Handle, error) {
	si := ownStartupInfo()
	si.cb = uint32(unsafe.Sizeof(si))
	flags := uint32(windows.CREATE_UNICODE_ENVIRONMENT | windows.EXTENDED_STARTUPINFO_PRESENT)
	flags |= priority()
	hidden := !HasConsole()
	if hidden {
		// DETACHED_PROCESS, as our caller had it, would do for a program, but an
		// env's python.exe starts another, which would then open a window.
		flags |= windows.CREATE_NO_WINDOW
	}
	streams(&si, hidden && !Windowed()) // pythonw opens no console
	if atBirth = atBirth && job != 0; atBirth {
		list, err := windows.NewProcThreadAttributeList(1)
		if err != nil {
			return 0, err
		}
		defer list.Delete()
		if err := list.Update(procThreadAttributeJobList, unsafe.Pointer(&job), unsafe.Sizeof(job)); err != nil {
			return 0, err
		}
		si.attributes = list.List()
	} else {
		flags |= windows.CREATE_SUSPENDED
	}
	var texts [3]*uint16
	for i, s := range []string{app, line, p.Dir} {
		if s == "" {
			continue // the folder: ours
		}
		var err error
		if texts[i], err = windows.UTF16PtrFromString(s); err != nil {
			return 0, err
		}
	}
	block, err := envBlock(p.Env)
	if err != nil {
		return 0, err
	}
	// Go's runtime hides crashes from Windows Error Reporting, and children inherit it.
	defer windows.SetErrorMode(windows.SetErrorMode(0))
	var info windows.ProcessInformation
	// Inheritable handles keep their values, which may stand on the command line:
	// all of them, without a list.
	ok, _, err := kernel32("CreateProcessW").Call(
		uintptr(unsafe.Pointer(texts[0])), uintptr(unsafe.Pointer(texts[1])), 0, 0, 1, uintptr(flags),
		uintptr(unsafe.Pointer(&block[0])), uintptr(unsafe.Pointer(texts[2])), uintptr(unsafe.Pointer(&si)), uintptr(unsafe.Pointer(&info)))
	if ok == 0 {
		return 0, err
	}
	defer func() { _ = windows.CloseHandle(info.Thread) }()
	if atBirth {
		return info.Process, nil
	}
	if job != 0 {
		if err := windows.AssignProcessToJobObject(job, info.Process); err != nil {
			unbound(p, err)
		}
	}
	if _, err := windows.ResumeThread(info.Thread); err != nil {
		_ = windows.TerminateProcess(info.Process, 1)
		_ = windows.CloseHandle(info.Process)
		return 0, err
	}
	return info.Process, nil
}

// streams hands on our standard handles. One that is not there stays so: NULL
// is NULL, and -1 is passed as it is, because to duplicate it would give the
// program a handle to this process. hidden is a console that we make for the
// program: Windows would put its handles in the place of NULL, and the program
// would wait for ever for what nobody can type there. It leaves -1 alone.
// https://learn.microsoft.com/windows/console/getstdhandle#attachdetach-behavior
func streams(si *startupInfo, hidden bool) {
	ours := *si
	for name, to := range map[uint32]*windows.Handle{
		windows.STD_INPUT_HANDLE: &si.stdInput, windows.STD_OUTPUT_HANDLE: &si.stdOutput, windows.STD_ERROR_HANDLE: &si.stdError,
	} {
		h := ours.stream(name)
		if h == 0 && hidden {
			h = windows.InvalidHandle
		}
		*to = h
		if h != 0 && h != windows.InvalidHandle {
			_ = windows.SetHandleInformation(h, windows.HANDLE_FLAG_INHERIT, windows.HANDLE_FLAG_INHERIT) // Explorer gives ones that are not
		}
	}
	si.flags &^= startfUseHotkey | startfUseMonitor
	if si.stdInput|si.stdOutput|si.stdError != 0 {
		si.flags |= windows.STARTF_USESTDHANDLES
	}
}

// stream is one of our standard handles, 0 for none.
func (si *startupInfo) stream(name uint32) windows.Handle {
	h, err := windows.GetStdHandle(name)
	if err != nil && h != windows.InvalidHandle {
		return 0
	}
	var mode uint32
	if si.shells(name) && windows.GetConsoleMode(h, &mode) != nil { // a console program gets its console's instead
		return 0
	}
	return h
}

// shells reports whether a shell gave us something else in the place of a
// stream: the hotkey of a shortcut for stdin, a monitor for stdout. Its number
// may be that of a handle of ours.
func (si *startupInfo) shells(name uint32) bool {
	if si.flags&windows.STARTF_USESTDHANDLES != 0 {
		return false
	}
	return name == windows.STD_INPUT_HANDLE && si.flags&startfUseHotkey != 0 ||
		name == windows.STD_OUTPUT_HANDLE && si.flags&startfUseMonitor != 0
}

// descriptors are the handles of the C descriptors beyond 2 in cbReserved2:
// their number, a byte of flags for each, then a handle for each.
func descriptors(reserved []byte) (handles []windows.Handle) {
	const size, isOpen = int(unsafe.Sizeof(windows.Handle(0))), 1
	if len(reserved) < 4 {
		return nil
	}
	n := int(int32(binary.LittleEndian.Uint32(reserved)))
	flags := reserved[4:]
	if n < 0 || len(flags) < n+n*size {
		return nil
	}
	for i := 3; i < n; i++ {
		if flags[i]&isOpen != 0 {
			handles = append(handles, windows.Handle(binary.LittleEndian.Uint64(flags[n+i*size:])))
		}
	}
	return handles
}

// priority is our class: only the low ones are inherited.
func priority() uint32 {
	class, err := windows.GetPriorityClass(windows.CurrentProcess())
	if err != nil || class == windows.NORMAL_PRIORITY_CLASS {
		return 0
	}
	return class
}

// envBlock writes the variables as CreateProcess wants them: sorted, and with
// the lone surrogates that Go's strings hold as WTF-8.
func envBlock(env Environ) ([]uint16, error) {
	sorted := slices.Clone(env)
	slices.SortStableFunc(sorted, func(a, b string) int { return strings.Compare(strings.ToUpper(a), strings.ToUpper(b)) })
	var block []uint16
	for _, entry := range sorted {
		text, err := windows.UTF16FromString(entry)
		if err != nil {
			return nil, err
		}
		block = append(block, text...)
	}
	if len(block) == 0 {
		block = append(block, 0)
	}
	return append(block, 0), nil
}

// stepAside makes us small and stand in nobody's way: our copies of the streams
// and C descriptors that are pipes would hide that the program closed its own,
// and our working directory could not be renamed. stderr stays for what we may
// have to say.
func stepAside() {
	si := ownStartupInfo()
	var ours []windows.Handle
	if si.reserved2 != nil {
		ours = descriptors(unsafe.Slice(si.reserved2, si.cbReserved2))
	}
	ours = append(ours, si.stream(windows.STD_INPUT_HANDLE), si.stream(windows.STD_OUTPUT_HANDLE))
	errs := si.stream(windows.STD_ERROR_HANDLE) // none: equal to none
	for _, h := range ours {
		if h == 0 || h == windows.InvalidHandle || h == errs {
			continue
		}
		if kind, err := windows.GetFileType(h); err == nil && kind == windows.FILE_TYPE_PIPE {
			_ = windows.CloseHandle(h)
		}
	}
	if system, err := windows.GetSystemDirectory(); err == nil {
		_ = os.Chdir(system)
	}
	debug.FreeOSMemory()
	debug.SetGCPercent(-1)
	_ = windows.SetProcessWorkingSetSizeEx(windows.CurrentProcess(), ^uintptr(0), ^uintptr(0), 0)
}

// refused says why CreateProcess did not take a program.
func refused(p Program, err error) *StartError {
	var errno windows.Errno
	if !errors.As(err, &errno) {
		return &StartError{p.Path, err.Error(), err}
	}
	why, ok := map[windows.Errno]string{
		windows.ERROR_FILE_NOT_FOUND:            "it does not exist, or a DLL or interpreter that it names does not",
		windows.ERROR_PATH_NOT_FOUND:            "a folder above it does not exist",
		windows.ERROR_ACCESS_DENIED:             "access is denied (its permissions, an antivirus, or it is a folder)",
		windows.ERROR_SHARING_VIOLATION:         "somebody holds it open (an antivirus, or whoever writes it)",
		windows.ERROR_BAD_EXE_FORMAT:            "it is no Windows program, or it is damaged",
		windows.ERROR_EXE_MACHINE_TYPE_MISMATCH: "it is for another kind of machine",
		windows.ERROR_VIRUS_INFECTED:            "the antivirus takes it for a virus",
		windows.ERROR_VIRUS_DELETED:             "the antivirus removed it",
		windows.ERROR_ELEVATION_REQUIRED:        "it wants an administrator; start modelrun from an administrator's prompt",
		windows.ERROR_ACCESS_DISABLED_BY_POLICY: "a policy of this machine forbids it (AppLocker or software restriction)",
		windows.ERROR_DIRECTORY:                 "its working directory " + p.Dir + " is not a folder",
		windows.ERROR_FILENAME_EXCED_RANGE:      "its path or its command line is too long for Windows",
		windows.ERROR_CHILD_PROCESS_BLOCKED:     "this process may not start others (a sandbox)",
		4551:                                    "a policy of this machine forbids it (Smart App Control)",
	}[errno]
	if !ok {
		why = errno.Error()
	}
	return &StartError{p.Path, fmt.Sprintf("%s (Windows error %d)", why, uint32(errno)), err}
}

// Args is the command line taken apart as the program will (see [SplitLine])
// and the line itself, with the place of each argument: what is passed on is
// the text as it was typed.
func Args() (args []string, tail func(n int) string) {
	line := windows.UTF16PtrToString(windows.GetCommandLine())
	args, starts := SplitLine(line)
	return args, func(n int) string {
		if n >= len(starts) {
			return ""
		}
		return line[starts[n]:]
	}
}
