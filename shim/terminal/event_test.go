package terminal

import (
	"fmt"
	"math"
	"os"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/store"
)

func TestEventLine(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 7, 1, 14, 2, 0, 0, time.Local)
	for want, e := range map[string]progressEvent{
		"resolving versions, for 3s": {Owner: store.Owner{Phase: "resolving versions"}, elapsed: 3 * time.Second},
		"downloading [##........] 12/41 packages, ~210/840 MB, 21 MB/s, 30s left: torch 2.11.0": {
			Owner: store.Owner{Phase: "installing", Doing: "downloading torch 2.11.0", Done: 210e6, Total: 840e6, Packages: 12, PackagesTotal: 41}, rate: 21e6, elapsed: 10 * time.Second,
		},
		"downloading [..........] 0/41 packages, ~0 B/2.8 GB, for 1s: torch 2.11.0": {
			Owner: store.Owner{Phase: "installing", Doing: "downloading torch 2.11.0", Total: 2.8e9, PackagesTotal: 41}, elapsed: time.Second,
		},
		"downloading 40/41 packages, for 40s: torch 2.11.0": {
			Owner: store.Owner{Phase: "installing", Doing: "downloading torch 2.11.0", Done: 900e6, Total: 840e6, Packages: 40, PackagesTotal: 41}, rate: 21e6, elapsed: 40 * time.Second,
		},
		"linking 41/41 packages, for 0s": {Owner: store.Owner{Phase: "installing", Doing: "linking", Packages: 41, PackagesTotal: 41}},
		"downloading 1/2 packages, for 5s: x (process 7 on box since 14:02)": {
			Owner: store.Owner{Phase: "installing", Doing: "downloading x", Packages: 1, PackagesTotal: 2, PID: 7, Host: "box", Started: since}, elapsed: 5 * time.Second,
		},
		`a b\x1b[2J, for 0s (process 7 on c\x1bd since 14:02)`: {Owner: store.Owner{Phase: "a\nb\x1b[2J", PID: 7, Host: "c\x1bd", Started: since}},
	} {
		e.ours = e.PID == 0
		require.Equal(t, want, e.line(true))
	}
}

// TestRemainingAtLowRate checks that a very low rate gives the longest time that is
// shown, not an overflow.
func TestRemainingAtLowRate(t *testing.T) {
	t.Parallel()
	for _, rate := range []float64{1, 0.1, 1e-300} {
		e := progressEvent{Owner: store.Owner{Total: 1 << 50}, rate: rate}
		require.Equal(t, 999*time.Hour, e.remaining(), rate)
	}
}

// TestWaiterNeverCreates checks that a waiting process never reports that it
// creates. The creator's record can disappear a moment before its lock does.
func TestWaiterNeverCreates(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]store.Owner{
		"waiting":  {},
		"creating": {PID: os.Getpid(), Phase: "installing"},
	} {
		require.Equal(t, want, progressEvent{Owner: o, ours: isOurs(o)}.state())
	}
	require.Equal(t, "waiting", progressEvent{ours: isOurs(store.Owner{PID: os.Getpid() + 1})}.state())
}

// TestTruncate checks that a line never reaches the last columns, where a terminal
// would break it.
func TestTruncate(t *testing.T) {
	t.Parallel()
	owner := store.Owner{Doing: "downloading einé-lange-Sache 1.0", Done: 1, Total: 840e6, Packages: 12, PackagesTotal: 41}
	line := progressEvent{Owner: owner, rate: 1, ours: true}.line(true)
	for _, columns := range []int{0, 1, 3, 4, 20, 80, 500} {
		got := truncate(line, columns)
		require.LessOrEqual(t, utf8.RuneCountInString(got), max(columns-3, 0))
		require.Contains(t, line, got)
	}
	require.Equal(t, line, truncate(line, 500))
}

// TestEventOfWrongRecord checks arbitrary numbers in another process's record.
func TestEventOfWrongRecord(t *testing.T) {
	t.Parallel()
	st := &store.Store{Root: envdir.Root(t.TempDir())}
	extremes := []int64{math.MinInt64, math.MinInt64 / 10, -1, 0, 1, math.MaxInt64 / 10, math.MaxInt64 - 1, math.MaxInt64}
	for _, done := range extremes {
		for _, total := range extremes {
			data := fmt.Sprintf(`{"phase": "x", "done": %d, "total": %d, "packages": %[1]d, "packages_total": %[2]d}`, done, total)
			require.NoError(t, fsys.WriteFile(st.Root.Files("k").Owner(), []byte(data)))
			for _, rate := range []float64{0, 1e-300, 1, 1e17} {
				e := progressEvent{Owner: st.Creation("k").Owner(), rate: rate}
				require.NotPanics(t, func() { e.line(true) }, data)
				require.NotRegexp(t, `-[^1]|NaN|Inf`, e.line(true)+fmt.Sprint(e.fields()[12:22]...), data)
			}
		}
	}
}
