package shim

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/store"
)

func TestFacts(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 7, 1, 14, 2, 0, 0, time.Local)
	for want, f := range map[string]facts{
		"resolving versions, for 3s": {Owner: store.Owner{Phase: "resolving versions"}, took: 3 * time.Second},
		"downloading [##........] 12/41 packages, ~210/840 MB, 21 MB/s, 30s left: torch 2.11.0": {
			Owner: store.Owner{Phase: "installing", Doing: "downloading torch 2.11.0", Done: 210e6, Total: 840e6, Packages: 12, PackagesTotal: 41}, rate: 21e6, took: 10 * time.Second,
		},
		"downloading [..........] 0/41 packages, ~0 B/2.8 GB, for 1s: torch 2.11.0": {
			Owner: store.Owner{Phase: "installing", Doing: "downloading torch 2.11.0", Total: 2.8e9, PackagesTotal: 41}, took: time.Second,
		},
		"downloading 40/41 packages, for 40s: torch 2.11.0": {
			Owner: store.Owner{Phase: "installing", Doing: "downloading torch 2.11.0", Done: 900e6, Total: 840e6, Packages: 40, PackagesTotal: 41}, rate: 21e6, took: 40 * time.Second,
		},
		"linking 41/41 packages, for 0s": {Owner: store.Owner{Phase: "installing", Doing: "linking", Packages: 41, PackagesTotal: 41}},
		"downloading 1/2 packages, for 5s: x (process 7 on box since 14:02)": {
			Owner: store.Owner{Phase: "installing", Doing: "downloading x", Packages: 1, PackagesTotal: 2, PID: 7, Host: "box", Started: since}, took: 5 * time.Second,
		},
		`a b\x1b[2J, for 0s (process 7 on c\x1bd since 14:02)`: {Owner: store.Owner{Phase: "a\nb\x1b[2J", PID: 7, Host: "c\x1bd", Started: since}},
	} {
		f.ours = f.PID == 0
		require.Equal(t, want, f.text(true))
	}
}

// So little that the time is beyond any number: the most that is said.
func TestLeftOfCrawl(t *testing.T) {
	t.Parallel()
	for _, rate := range []float64{1, 0.1, 1e-300} {
		f := facts{Owner: store.Owner{Total: 1 << 50}, rate: rate}
		require.Equal(t, 999*time.Hour, f.left(), rate)
	}
}

// A line that a narrower terminal has broken cannot be written over: it stays.
func TestDrawOnNarrower(t *testing.T) {
	t.Parallel()
	for drawn, want := range map[int]string{0: "\r", 77: "\r" + strings.Repeat(" ", 79) + "\r", 78: "\n\r", 200: "\n\r"} {
		var out strings.Builder
		d := display{s: &session{people: &people{}, stderr: &out}, drawn: drawn}
		d.draw(facts{Owner: store.Owner{Phase: "x"}, ours: true})
		require.Equal(t, want+"x, for 0s", out.String(), drawn)
		require.Equal(t, len("x, for 0s"), d.drawn)
	}
}

// Who waits does not say that it creates, when the creator's facts are gone a
// moment before its lock is.
func TestWaiterNeverCreates(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]store.Owner{
		"waiting":  {},
		"creating": {PID: os.Getpid(), Phase: "installing"},
	} {
		require.Equal(t, want, facts{Owner: o, ours: isUs(o)}.state())
	}
	require.Equal(t, "waiting", facts{ours: isUs(store.Owner{PID: os.Getpid() + 1})}.state())
}

// A column is as wide as its letters, not as their bytes.
func TestTableColumns(t *testing.T) {
	t.Parallel()
	var rows table
	rows.row("üüü", "x")
	rows.row("abcd", "y")
	rows.below("  z\n")
	var out strings.Builder
	require.NoError(t, rows.write(&out))
	require.Equal(t, "üüü   x\nabcd  y\n  z\n", out.String())
}

// No cell ends a cell, a row or the table, whatever bytes are in it.
func TestTableOddCells(t *testing.T) {
	t.Parallel()
	var rows table
	rows.row("a\xffb", "x\ty")
	rows.below("below\n")
	rows.row("c\nd\v\fe", "")
	rows.row("", "z")
	var out strings.Builder
	require.NoError(t, rows.write(&out))
	require.Equal(t, "a\ufffdb     x y\nbelow\nc d  e  \n        z\n", out.String())
}

// A line never comes to the last columns, where a terminal would break it.
func TestFits(t *testing.T) {
	t.Parallel()
	line := facts{Owner: store.Owner{Doing: "downloading einé-lange-Sache 1.0", Done: 1, Total: 840e6, Packages: 12, PackagesTotal: 41}, rate: 1, ours: true}.text(true)
	for _, columns := range []int{0, 1, 3, 4, 20, 80, 500} {
		got := fits(line, columns)
		require.LessOrEqual(t, utf8.RuneCountInString(got), max(columns-3, 0))
		require.Contains(t, line, got)
	}
	require.Equal(t, line, fits(line, 500))
}

// The rate is that of the last seconds.
func TestMeter(t *testing.T) {
	t.Parallel()
	var m meter
	now := time.Unix(0, 0)
	require.Zero(t, m.rate(now, 0))
	rate := 0.0
	for i := range 60 { // fast
		rate = m.rate(now.Add(time.Duration(i)*time.Second), int64(i)*100e6)
	}
	require.InDelta(t, 100e6, rate, 1)
	for i := range 20 { // slow, for longer than the window
		rate = m.rate(now.Add(time.Duration(60+i)*time.Second), 59*100e6+int64(i)*1e6)
	}
	require.InDelta(t, 1e6, rate, 1)
	require.Less(t, len(m), 15)
	for i := range 20 { // nothing comes any more
		rate = m.rate(now.Add(time.Duration(80+i)*time.Second), 59*100e6+19*1e6)
	}
	require.Zero(t, rate)
	require.Zero(t, m.rate(now.Add(101*time.Second), 5), "another download begins")
	require.InDelta(t, 10, m.rate(now.Add(102*time.Second), 15), 0.1)
}

// What others write about themselves may be any number.
func TestFactsOfLiars(t *testing.T) {
	t.Parallel()
	st := &store.Store{Root: envdir.Root(t.TempDir())}
	odd := []int64{math.MinInt64, math.MinInt64 / 10, -1, 0, 1, math.MaxInt64 / 10, math.MaxInt64 - 1, math.MaxInt64}
	for _, done := range odd {
		for _, total := range odd {
			data := fmt.Sprintf(`{"phase": "x", "done": %d, "total": %d, "packages": %[1]d, "packages_total": %[2]d}`, done, total)
			require.NoError(t, fsys.WriteFile(st.Root.Owner("k"), []byte(data)))
			for _, rate := range []float64{0, 1e-300, 1, 1e17} {
				f := facts{Owner: st.Owner("k"), rate: rate}
				require.NotPanics(t, func() { f.text(true) }, data)
				require.NotRegexp(t, `-[^1]|NaN|Inf`, f.text(true)+fmt.Sprint(f.event()[12:22]...), data)
			}
		}
	}
}
