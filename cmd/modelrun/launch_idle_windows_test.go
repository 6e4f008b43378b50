package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"
)

// memoryCounters is the structure PROCESS_MEMORY_COUNTERS.
type memoryCounters struct {
	cb, faults                                            uint32
	peak, workingSet, peakPaged, paged, peakNonPaged, non uintptr
	pageFile, peakPageFile                                uintptr
}

// TestIdle checks that modelrun is small and idle while the program runs. The test
// does not run in parallel, because on a busy machine every process uses some time.
func TestIdle(t *testing.T) {
	r := sharedSandbox(t)
	least := filepath.Join(filepath.Dir(built), "execonly.exe")
	if os.Getenv("TEST_MODELRUN") == "" {
		least = buildRelease(t, filepath.Join(t.TempDir(), "execonly.exe"), "./testdata/execonly")
	}
	whileRunning := func(path string, args ...string) (workingSet uintptr, busy time.Duration) {
		p := start(t, r.other(t, path, args...))
		require.Equal(t, "runs", p.line(t)) // it has run for half a second
		h, err := windows.OpenProcess(windows.PROCESS_QUERY_INFORMATION|windows.PROCESS_VM_READ, false, uint32(p.Process.Pid))
		require.NoError(t, err)
		defer func() { _ = windows.CloseHandle(h) }()
		var m memoryCounters
		m.cb = uint32(unsafe.Sizeof(m))
		ok, _, err := windows.NewLazySystemDLL("kernel32.dll").NewProc("K32GetProcessMemoryInfo").Call(uintptr(h), uintptr(unsafe.Pointer(&m)), uintptr(m.cb))
		require.NotZero(t, ok, err)
		before := cpu(t, h)
		require.Equal(t, "runs still", p.line(t)) // one second later
		busy = cpu(t, h) - before
		require.NoError(t, p.in.Close())
		require.NoError(t, p.Wait())
		return m.workingSet, busy
	}
	script := filepath.Join(t.TempDir(), "wait.py") // a file, because execonly quotes no arguments
	require.NoError(t, os.WriteFile(script, []byte(`import sys, time
time.sleep(0.5)
print("runs", flush=True)
time.sleep(1)
print("runs still", flush=True)
sys.stdin.read()
`), 0o600))
	ours, busy := whileRunning(r.bin, "--", "python", script)
	base, busyBase := whileRunning(least, r.python(), script)
	t.Logf("working set: %.1f MiB, of a Go program that only starts another %.1f", float64(ours)/(1<<20), float64(base)/(1<<20))
	t.Logf("CPU time in a second: %s, of that program %s", busy, busyBase)
	require.LessOrEqual(t, busy, busyBase+20*time.Millisecond) // one tick of the clock
	if !underWine() {                                          // Wine pages nothing out, and maps programs as private memory
		require.Less(t, ours, uintptr(12<<20))
	}
}

// cpu returns the CPU time that a process has used.
func cpu(t *testing.T, process windows.Handle) time.Duration {
	t.Helper()
	var began, ended, kernel, user windows.Filetime
	require.NoError(t, windows.GetProcessTimes(process, &began, &ended, &kernel, &user))
	ticks := func(f windows.Filetime) int64 { return int64(f.HighDateTime)<<32 | int64(f.LowDateTime) }
	return time.Duration(ticks(kernel)+ticks(user)) * 100
}

// underWine reports whether the test runs under Wine, for checks that only a real
// Windows passes.
func underWine() bool {
	return windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
}
