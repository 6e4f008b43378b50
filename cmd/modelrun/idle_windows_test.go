package main

import (
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"
)

// memoryCounters is PROCESS_MEMORY_COUNTERS.
type memoryCounters struct {
	cb, faults                                            uint32
	peak, workingSet, peakPaged, paged, peakNonPaged, non uintptr
	pageFile, peakPageFile                                uintptr
}

// While the program runs its parent is small.
func TestIdle(t *testing.T) {
	t.Parallel()
	r := newReady(t)
	least := filepath.Join(filepath.Dir(built), "execonly.exe")
	if os.Getenv("TEST_MODELRUN") == "" {
		least = buildRelease(t, filepath.Join(t.TempDir(), "execonly.exe"), "./testdata/execonly")
	}
	whileRunning := func(path string, args ...string) uintptr {
		p := start(t, r.cmd(t, path, args...))
		require.Equal(t, "runs", p.line(t))
		h, err := windows.OpenProcess(windows.PROCESS_QUERY_INFORMATION|windows.PROCESS_VM_READ, false, uint32(p.Process.Pid))
		require.NoError(t, err)
		defer func() { _ = windows.CloseHandle(h) }()
		var m memoryCounters
		m.cb = uint32(unsafe.Sizeof(m))
		ok, _, err := windows.NewLazySystemDLL("kernel32.dll").NewProc("K32GetProcessMemoryInfo").Call(uintptr(h), uintptr(unsafe.Pointer(&m)), uintptr(m.cb))
		require.NotZero(t, ok, err)
		require.NoError(t, p.in.Close())
		require.NoError(t, p.Wait())
		return m.workingSet
	}
	script := filepath.Join(t.TempDir(), "wait.py") // execonly quotes nothing
	require.NoError(t, os.WriteFile(script, []byte("import sys\nprint('runs', flush=True)\nsys.stdin.read()\n"), 0o600))
	ours := whileRunning(r.release, "--", "python", script)
	base := whileRunning(least, r.python, script)
	t.Logf("working set: %.1f MiB, of a Go program that only starts another %.1f", float64(ours)/(1<<20), float64(base)/(1<<20))
	if !underWine() { // which pages nothing out, and maps programs as private memory
		require.Less(t, ours, uintptr(12<<20))
	}
}

// underWine tells a test of what only a real Windows shows.
func underWine() bool {
	return windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
}
