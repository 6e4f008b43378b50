package shim

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/shim/app"
)

// TestExitFor checks the reason codes whose exit code is not 125, and some whose
// exit code is 125.
func TestExitFor(t *testing.T) {
	t.Parallel()
	for code, want := range map[fault.Code]int{
		fault.WaitTimeout: 124, fault.CreateTimeout: 124, fault.CannotStart: 126, fault.NotFound: 127,
		fault.Interrupted: 130, fault.Terminated: 143, fault.NoEnv: 125, fault.BadUsage: 125, fault.Internal: 125,
	} {
		require.Equal(t, want, exitFor(code), code)
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	require.Equal(t, []int{1, 124, 125, 126, 127, 130, 143},
		[]int{int(app.NotAll), exitTimeLimit, exitOurs, exitCannotStart, exitNotFound, exitInterrupt, exitTerminate})
}
