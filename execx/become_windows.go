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

// Become starts the program, waits for it and returns its exit code with all 32
// bits. Windows has no exec: this process stays as an unobtrusive parent.
//
//   - Killing this process kills the program and everything that it started. From their
//     first instruction on they are in a job that ends with our handle. A process that
//     outlives the program's own end may stay. CREATE_BREAKAWAY_FROM_JOB is allowed.
//   - Ctrl-C and Ctrl-Break go to the program; this process survives them. When the window
//     is closed, the user logs off or the system shuts down, it waits for the program's end.
//   - Show-window, title, position, desktop, C descriptors beyond 2, inheritable handles
//     with their values, streams and priority class are passed on unchanged. If this process
//     has no console, the program gets one without a window.
//   - The command line after argv[0] is Tail byte for byte; the environment is Env.
//
// An error is always a [*StartError], and means that nothing was started. Keep
// is not passed on: this process holds the leases until it ends.
//
// Not guaranteed: our error mode from before Go's runtime changed it (the
// program gets the system's default, under which Windows Error Reporting sees a
// crash), and handles that other programs have to this process.
func Become(p Program) (exitCode int, err error) {
	line, app, err := buildLine(p)
	if err != nil {
		return 0, &StartError{p.Path, err.Error(), err}
	}
	// Before the program starts: a Ctrl-C in between would end this process,
	// and the job would end the program. Go's handler blocks on close, log-off
	// and shutdown while SIGTERM is registered (https://go.dev/issue/41884).
	// signal.Ignore would not ignore these at all.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGTERM) // never read: these signals are for the program
	// At shutdown the system notifies the program (at 0x280) first.
	_ = windows.SetProcessShutdownParameters(0x27f, 0)

	job, err := newJob(windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | windows.JOB_OBJECT_LIMIT_BREAKAWAY_OK)
	if err != nil {
		job = 0
		warnNoJob(p, err)
	}
	process, err := start(p, app, line, job)
	if err != nil {
		return 0, refused(p, err)
	}
	if Windowed() {
		allowForeground()
	}
	releaseResources()
	if _, err := windows.WaitForSingleObject(process, windows.INFINITE); err != nil {
		return 0, &StartError{p.Path, "it runs, and cannot be waited for: " + err.Error(), err}
	}
	var code uint32
	if err := windows.GetExitCodeProcess(process, &code); err != nil {
		return 0, &StartError{p.Path, "its exit code cannot be read: " + err.Error(), err}
	}
	if job != 0 {
		_ = limitJob(job, windows.JOB_OBJECT_LIMIT_BREAKAWAY_OK) // processes that still run were meant to stay
	}
	return int(code), nil
}

// warnNoJob warns that the program is in no job. The only consequence is that it
// can survive a kill of this process. It happens if the job of this process
// allows no nested job.
func warnNoJob(p Program, err error) {
	if p.Warn != nil {
		p.Warn(fmt.Sprintf("whoever ends modelrun will not end %s: it cannot be put into a job: %v", p.Path, err))
	}
}

const (
	// maxLine is CreateProcess' limit in UTF-16 units, including the
	// terminating zero.
	maxLine = 32767
	// maxBatchLine is the limit of cmd.exe without the zero. It silently drops
	// the rest.
	// https://learn.microsoft.com/troubleshoot/windows-client/shell-experience/command-line-string-limitation
	maxBatchLine = 8191
)

// buildLine returns the command line and the program that reads it: the program
// itself, or cmd.exe for a batch file.
func buildLine(p Program) (line, app string, err error) {
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

// isBatch reports whether CreateProcess would pass the file to cmd.exe. Windows
// may ignore dots and spaces at the end of the name.
func isBatch(path string) bool {
	ext := strings.ToLower(filepath.Ext(strings.TrimRight(path, ". ")))
	return ext == ".bat" || ext == ".cmd"
}

// startupInfo is STARTUPINFOEXW. x/sys/windows hides the reserved fields, in
// which the C runtime passes on its descriptors.
type startupInfo struct {
	cb                            uint32
	_                             *uint16
	desktop, title                *uint16
	geometry                      [7]uint32 // position, size and colours, as we got them
	flags                         uint32
	showWindow, cbReserved2       uint16
	reserved2                     *byte
	stdInput, stdOutput, stdError windows.Handle
	attributes                    *windows.ProcThreadAttributeList
}

const (
	procThreadAttributeJobList = 0x2000d // Windows 10

	// If a shell sets these flags, the stream handles have another meaning.
	startfUseHotkey  = 0x200
	startfUseMonitor = 0x400
)

// ownStartupInfo returns the STARTUPINFO with which this process was started.
func ownStartupInfo() (si startupInfo) {
	_, _, _ = kernel32("GetStartupInfoW").Call(uintptr(unsafe.Pointer(&si)))
	return si
}

// start creates the process in the job. An antivirus may block a program that
// was just written, so it tries again for about 1.5 s.
func start(p Program, app, line string, job windows.Handle) (windows.Handle, error) {
	pause := 10 * time.Millisecond
	for {
		process, err := create(p, app, line, job, true)
		if errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_INVALID_PARAMETER) || errors.Is(err, windows.ERROR_NOT_SUPPORTED) {
			// Our own job may not allow nested jobs, or Windows is too old for
			// the attribute.
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

// create calls CreateProcess once. With inJob the process starts in the job;
// otherwise it is put into the job before it runs.
func create(p Program, app, line string, job windows.Handle, inJob bool) (windows.Handle, error) {
	si := ownStartupInfo()
	si.cb = uint32(unsafe.Sizeof(si))
	flags := uint32(windows.CREATE_UNICODE_ENVIRONMENT | windows.EXTENDED_STARTUPINFO_PRESENT)
	flags |= priority()
	hidden := !HasConsole()
	if hidden {
		// DETACHED_PROCESS, as our caller had it, would do for the program
		// itself. But an env's python.exe starts another program, which would
		// then open a window.
		flags |= windows.CREATE_NO_WINDOW
	}
	setStreams(&si, hidden && !Windowed()) // pythonw opens no console
	if inJob = inJob && job != 0; inJob {
		list, err := jobAttribute(job)
		if err != nil {
			return 0, err
		}
		defer list.Delete()
		si.attributes = list.List()
	} else {
		flags |= windows.CREATE_SUSPENDED
	}
	texts, err := utf16Pointers(app, line, p.Dir) // "" for Dir: ours
	if err != nil {
		return 0, err
	}
	block, err := envBlock(p.Env)
	if err != nil {
		return 0, err
	}
	// Go's runtime hides crashes from Windows Error Reporting, and children
	// inherit that.
	defer windows.SetErrorMode(windows.SetErrorMode(0))
	var info windows.ProcessInformation
	// All inheritable handles are passed on, without a list: they keep their
	// values, which the command line may contain.
	ok, _, err := kernel32("CreateProcessW").Call(
		uintptr(unsafe.Pointer(texts[0])), uintptr(unsafe.Pointer(texts[1])), 0, 0, 1, uintptr(flags),
		uintptr(unsafe.Pointer(&block[0])), uintptr(unsafe.Pointer(texts[2])), uintptr(unsafe.Pointer(&si)), uintptr(unsafe.Pointer(&info)))
	if ok == 0 {
		return 0, err
	}
	defer func() { _ = windows.CloseHandle(info.Thread) }()
	if inJob {
		return info.Process, nil
	}
	if job != 0 {
		if err := windows.AssignProcessToJobObject(job, info.Process); err != nil {
			warnNoJob(p, err)
		}
	}
	if _, err := windows.ResumeThread(info.Thread); err != nil {
		_ = windows.TerminateProcess(info.Process, 1)
		_ = windows.CloseHandle(info.Process)
		return 0, err
	}
	return info.Process, nil
}

// jobAttribute returns the attribute list that makes a process start in a job.
func jobAttribute(job windows.Handle) (*windows.ProcThreadAttributeListContainer, error) {
	list, err := windows.NewProcThreadAttributeList(1)
	if err != nil {
		return nil, err
	}
	if err := list.Update(procThreadAttributeJobList, unsafe.Pointer(&job), unsafe.Sizeof(job)); err != nil {
		list.Delete()
		return nil, err
	}
	return list, nil
}

// utf16Pointers converts the texts for CreateProcess; "" becomes NULL.
func utf16Pointers(app, line, dir string) (texts [3]*uint16, err error) {
	for i, s := range []string{app, line, dir} {
		if s == "" {
			continue
		}
		if texts[i], err = windows.UTF16PtrFromString(s); err != nil {
			return texts, err
		}
	}
	return texts, nil
}

// setStreams passes on our standard handles. A missing one stays missing. NULL
// stays NULL. -1 stays -1, because a duplicate would give the program a handle
// to this process.
//
// hidden means that the program gets a new console. Windows would replace NULL
// by handles of this console, and the program would wait forever for input that
// cannot be typed. It does not replace -1.
// https://learn.microsoft.com/windows/console/getstdhandle#attachdetach-behavior
func setStreams(si *startupInfo, hidden bool) {
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
			_ = windows.SetHandleInformation(h, windows.HANDLE_FLAG_INHERIT, windows.HANDLE_FLAG_INHERIT) // handles from Explorer are not inheritable
		}
	}
	si.flags &^= startfUseHotkey | startfUseMonitor
	if si.stdInput|si.stdOutput|si.stdError != 0 {
		si.flags |= windows.STARTF_USESTDHANDLES
	}
}

// stream returns one of our standard handles, or 0.
func (si *startupInfo) stream(name uint32) windows.Handle {
	h, err := windows.GetStdHandle(name)
	if err != nil && h != windows.InvalidHandle {
		return 0
	}
	var mode uint32
	if si.setByShell(name) && windows.GetConsoleMode(h, &mode) != nil { // a console program gets its console's handle instead
		return 0
	}
	return h
}

// setByShell reports whether a shell passed something else instead of a stream: the
// hotkey of a shortcut instead of stdin, or a monitor instead of stdout. Its
// number may be equal to that of one of our handles.
func (si *startupInfo) setByShell(name uint32) bool {
	if si.flags&windows.STARTF_USESTDHANDLES != 0 {
		return false
	}
	return name == windows.STD_INPUT_HANDLE && si.flags&startfUseHotkey != 0 ||
		name == windows.STD_OUTPUT_HANDLE && si.flags&startfUseMonitor != 0
}

// descriptors returns the handles of the C descriptors beyond 2 from
// cbReserved2. The format is their number, one byte of flags for each, then one
// handle for each.
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

// priority returns our priority class: Windows itself passes on only the low
// ones.
func priority() uint32 {
	class, err := windows.GetPriorityClass(windows.CurrentProcess())
	if err != nil || class == windows.NORMAL_PRIORITY_CLASS {
		return 0
	}
	return class
}

// envBlock formats the variables for CreateProcess: sorted, and with the lone
// surrogates that Go's strings hold as WTF-8.
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

// releaseResources releases resources while the program runs. Our copies of streams
// and C descriptors that are pipes would hide that the program closed its own.
// Our working directory could not be renamed. stderr stays open for messages.
func releaseResources() {
	si := ownStartupInfo()
	var ours []windows.Handle
	if si.reserved2 != nil {
		ours = descriptors(unsafe.Slice(si.reserved2, si.cbReserved2))
	}
	ours = append(ours, si.stream(windows.STD_INPUT_HANDLE), si.stream(windows.STD_OUTPUT_HANDLE))
	errs := si.stream(windows.STD_ERROR_HANDLE) // without one, equal to the missing handles
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

// refused returns the reason why CreateProcess failed.
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

// Args returns the command line, split as the program will split it (see
// [SplitLine]). tail returns the text of the line from argument n on, so that
// it can be passed on as typed.
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
