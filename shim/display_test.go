package shim

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/store"
)

func TestLine(t *testing.T) {
	t.Parallel()
	for want, tt := range map[string]struct {
		done, total int64
		took        time.Duration
	}{
		"installing, for 3s": {0, 0, 3 * time.Second},
		"installing [#####...............] 210 MB of 840 MB, 21 MB/s, 30s left": {210e6, 840e6, 10 * time.Second},
		"installing [....................] 0 B of 840 MB":                       {0, 840e6, time.Second},
		"installing, for 1m40s": {840e6, 840e6, 100 * time.Second},
	} {
		got := line(store.Owner{Phase: "installing", Done: tt.done, Total: tt.total}, tt.took)
		require.Equal(t, want, got)
		require.Less(t, len(got), 80)
	}
}
