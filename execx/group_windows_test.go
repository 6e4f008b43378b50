package execx

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"
)

// TestGroupOfEndedProcess checks a tool that ended before it was put into the job.
// The tool did run, so that is not an error.
func TestGroupOfEndedProcess(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^$")
	g, err := newGroup(cmd)
	require.NoError(t, err)
	defer g.close()
	require.NoError(t, cmd.Start())
	p, err := windows.OpenProcess(windows.SYNCHRONIZE, false, uint32(cmd.Process.Pid)) //nolint:gosec // a pid
	require.NoError(t, err)
	_, err = windows.WaitForSingleObject(p, windows.INFINITE)
	require.NoError(t, err)
	require.NoError(t, windows.CloseHandle(p))
	require.NoError(t, g.started(cmd.Process.Pid))
	require.NoError(t, cmd.Wait())
}
