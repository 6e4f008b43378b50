package execx

import (
	"os"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"
)

// TestCreateSuspendedInJob checks that a process that cannot start in a job is put
// into it before it runs.
func TestCreateSuspendedInJob(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	require.NoError(t, err)
	p := Program{Path: self, Argv: []string{self}, Env: NewEnviron(os.Environ()).With("EXECX_ROLE", "sleep")}
	line, app, err := buildLine(p)
	require.NoError(t, err)
	job, err := newJob(windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE)
	require.NoError(t, err)
	process, err := create(p, app, line, job, false)
	require.NoError(t, err)
	defer func() { _ = windows.CloseHandle(process) }()
	var in int32
	ok, _, err := kernel32("IsProcessInJob").Call(uintptr(process), uintptr(job), uintptr(unsafe.Pointer(&in)))
	require.NotZero(t, ok, err)
	require.NotZero(t, in)
	require.NoError(t, windows.CloseHandle(job))
	event, err := windows.WaitForSingleObject(process, 60_000)
	require.NoError(t, err)
	require.Equal(t, uint32(windows.WAIT_OBJECT_0), event)
}

// TestRefusedReasons checks that common errors of CreateProcess are described in
// plain language.
func TestRefusedReasons(t *testing.T) {
	t.Parallel()
	for _, number := range []windows.Errno{2, 3, 5, 193, 216, 225, 267, 740, 1260} {
		err := refused(Program{Path: `C:\x.exe`, Dir: `C:\d`}, number)
		require.NotContains(t, err.Reason, number.Error())
		require.ErrorIs(t, err, number)
	}
	require.Contains(t, refused(Program{}, windows.Errno(1450)).Reason, "Windows error 1450", "the system's own words")
}
