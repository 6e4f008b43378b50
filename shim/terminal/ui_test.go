package terminal

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/fault"
)

// testUI returns a new UI whose stderr is a file, and a function that returns what
// was written to it.
func testUI(t *testing.T) (ui *UI, written func() string) {
	t.Helper()
	stderr, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, stderr.Close()) })
	return NewUI(Streams{Stderr: stderr}), func() string {
		data, err := os.ReadFile(stderr.Name())
		require.NoError(t, err)
		return string(data)
	}
}

// TestReportWithoutSettings checks that an error can be reported before the
// settings are known, and without a stderr.
func TestReportWithoutSettings(t *testing.T) {
	t.Parallel()
	ui, written := testUI(t)
	ui.Log.Debug("not shown")
	require.Equal(t, fault.BadUsage, ui.Report(fault.New(fault.BadUsage, "no command").Fix("modelrun --help")))
	require.Equal(t, "modelrun: error: no command ["+string(fault.BadUsage)+"]\nmodelrun: hint: modelrun --help\n", written())
	require.Equal(t, fault.Internal, NewUI(Streams{}).Report(os.ErrClosed))
}

// TestReportOfNoEnv checks that each strategy gives its reason if none can serve a
// request.
func TestReportOfNoEnv(t *testing.T) {
	t.Parallel()
	ui, written := testUI(t)
	none := &resolve.NoEnv{Key: "k", Trace: []resolve.Attempt{{Strategy: "shared", Reason: "not there"}, {Strategy: "old", Reason: "broken", Remedy: "modelrun prune"}}}
	require.Equal(t, fault.NoEnv, ui.Report(none))
	require.Equal(t, "modelrun: error: "+none.Error()+" ["+string(fault.NoEnv)+"]\n"+
		"modelrun:   shared: not there\nmodelrun:   old: broken\nmodelrun:     hint: modelrun prune\n", written())
}

// TestReportWithSettings checks that the log file and the status file get the error
// too.
func TestReportWithSettings(t *testing.T) {
	t.Parallel()
	ui, written := testUI(t)
	dir := t.TempDir()
	file, state := filepath.Join(dir, "log"), filepath.Join(dir, "status")
	log, err := NewLog(LogOptions{Level: "debug", Format: "text", File: file}, ui.Streams)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.file.Close()) }) // Windows cannot remove an open file
	require.False(t, ui.Logged)
	ui.Use(log, NewStatus(state, log), NewNotifier("", time.Minute, nil))
	require.True(t, ui.Logged)

	ui.Attempts([]resolve.Attempt{{Strategy: "shared", Outcome: resolve.Taken, Reason: "healthy", Took: 1234567}})
	ui.Checking("checking k")
	ui.Silent().Log.Error("not shown")
	ui.Notify.Done()
	ui.Report(fault.New(fault.Paused, "paused").Fix("wait"))
	require.Equal(t, "modelrun: strategy shared: taken: healthy (1.23ms)\nmodelrun: checking k\n"+
		"modelrun: error: paused ["+string(fault.Paused)+"]\nmodelrun: hint: wait\n", written())

	data, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(data), "modelrun: error: paused: code="+string(fault.Paused))
	require.NotContains(t, string(data), "not shown")

	var doc StatusDoc
	data, err = os.ReadFile(state)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &doc))
	require.Equal(t, StatusDoc{
		Schema: Schema, Phase: "failed", ReasonCode: fault.Paused, Reason: "paused", PID: os.Getpid(), Retryable: true,
	}, doc)
}

// TestLogFileThatCannotBeOpened checks that the error names the source of the
// setting.
func TestLogFileThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	_, err := NewLog(LogOptions{Level: "info", Format: "text", File: filepath.Join(t.TempDir(), "no", "log"), FileFrom: "flag --log-file"}, Streams{})
	require.ErrorContains(t, err, "(flag --log-file) cannot be written")
	require.Equal(t, fault.BadConfig, fault.CodeOf(err))
}
