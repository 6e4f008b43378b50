package terminal

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/store"
)

// TestDrawOnNarrower checks that a line that a narrower terminal has broken stays,
// because it cannot be overwritten.
func TestDrawOnNarrower(t *testing.T) {
	t.Parallel()
	for drawn, want := range map[int]string{0: "\r", 77: "\r" + strings.Repeat(" ", 79) + "\r", 78: "\n\r", 200: "\n\r"} {
		var out strings.Builder
		text := textSink{line: progressLine{out: &out, drawn: drawn}}
		text.drawLine(progressEvent{Owner: store.Owner{Phase: "x"}, ours: true}.line(true))
		require.Equal(t, want+"x, for 0s", out.String(), drawn)
		require.Equal(t, len("x, for 0s"), text.line.drawn)
	}
}

// TestProgressWithoutTerminal checks that without a terminal each phase is one
// line, and the same phase is not repeated at once.
func TestProgressWithoutTerminal(t *testing.T) {
	t.Parallel()
	ui, written := testUI(t)
	p := ui.Progress("torch-cpu")
	ours := store.Owner{PID: os.Getpid(), Phase: "resolving"}
	p.Show(ours)
	p.Show(ours)
	ours.Phase = "installing"
	p.Show(ours)
	require.Equal(t, "modelrun: ... resolving\nmodelrun: ... installing\n", written())
}

// TestProgressInJSON checks that an event in a JSON log has its fields.
func TestProgressInJSON(t *testing.T) {
	t.Parallel()
	ui, written := testUI(t)
	log, err := NewLog(LogOptions{Level: "info", Format: "json"}, ui.Streams)
	require.NoError(t, err)
	ui.Use(log, nil, nil)
	ui.Progress("torch-cpu").Show(store.Owner{Phase: "installing"})
	var fields map[string]any
	require.NoError(t, json.Unmarshal([]byte(written()), &fields))
	for _, name := range EventFields() {
		require.Contains(t, fields, name)
	}
	require.Equal(t, "waiting", fields["state"])
	require.Equal(t, "torch-cpu", fields["key"])
}
