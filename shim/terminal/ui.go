// Package terminal handles everything that modelrun writes: messages and logs,
// tables and JSON, progress, the console window of modelrunw, the messages to
// systemd and the status file.
//
// A run starts with NewUI. That UI writes messages as text at level info, so an
// error in the settings can be reported. Once the settings are known, Use gives the
// UI what they ask for:
//
//	ui := terminal.NewUI(streams)
//	log, err := terminal.NewLog(options, ui.Streams)
//	…
//	ui.Use(log, terminal.NewStatus(path, log), terminal.NewNotifier(socket, silent, debug))
//
// UI.Log is never nil. UI.Status and UI.Notify may be nil: their methods then do
// nothing.
package terminal

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/fault"
)

// Schema is the version of every JSON document that modelrun writes. Within one
// version, fields are only added.
const Schema = 1

// Streams holds the outputs of modelrun. Either file may be nil.
type Streams struct {
	Stdout, Stderr *os.File
	Console        *Console      // of modelrunw; nil if modelrun has a stderr
	Env            execx.Environ // the caller's variables, which decide about colours and characters
}

// Err returns the writer for messages: stderr, or the console of modelrunw.
func (s Streams) Err() io.Writer {
	if s.Console != nil {
		return s.Console
	}
	return s.Stderr
}

// messages returns Err with secrets masked. Messages on stderr are coloured.
func (s Streams) messages() io.Writer {
	if s.Console != nil {
		return mask{s.Console}
	}
	return mask{colourWriter{s.Stderr, s.Env}}
}

// Page returns stdout for a table: masked and coloured.
func (s Streams) Page() io.Writer { return mask{colourWriter{s.Stdout, s.Env}} }

// Plain returns stdout for text without colours: masked.
func (s Streams) Plain() io.Writer { return mask{s.Stdout} }

// JSON writes one JSON document to stdout.
func (s Streams) JSON(v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.Stdout, fault.Mask(string(data)))
	return err
}

// interactive reports whether a progress line can be overwritten.
func (s Streams) interactive() bool {
	return s.Console != nil ||
		s.Stderr != nil && s.Env.Get("TERM") != "dumb" && term.IsTerminal(int(s.Stderr.Fd())) //nolint:gosec // a descriptor
}

// UI is the interface of a command to the user and to its callers.
type UI struct {
	Streams
	Log    *Log      // never nil
	Status *Status   // nil before the settings are known
	Notify *Notifier // nil before the settings are known
	Logged bool      // a log file has all messages
}

// NewUI returns the UI for the time before the settings are known. It logs text at
// level info, without a log file.
func NewUI(s Streams) *UI {
	return &UI{Streams: s, Log: newLog(LogOptions{Level: "info", Format: "text"}, s)}
}

// Use sets the log, the status file and the notifier that the settings ask for.
// status and notify may be nil.
func (u *UI) Use(log *Log, status *Status, notify *Notifier) {
	u.Log, u.Status, u.Notify, u.Logged = log, status, notify, log.file != nil
}

// Silent returns a copy of the UI that logs nothing.
func (u *UI) Silent() *UI {
	next := *u
	next.Log = u.Log.silent()
	return &next
}

// Attempts logs each attempt of the chain at level debug.
func (u *UI) Attempts(trace []resolve.Attempt) {
	if !u.Log.IsDebug() {
		return
	}
	for _, t := range trace {
		u.Log.Debug(fmt.Sprintf("strategy %s: %s: %s (%s)", t.Strategy, t.Outcome, t.Reason, t.Took.Round(10*time.Microsecond)))
	}
}

// Checking reports a check that takes longer than a second.
func (u *UI) Checking(line string) {
	u.Notify.Tell(line, line)
	u.Log.Info(line)
}

// Progress returns the display for the creation of one key.
func (u *UI) Progress(key string) *Progress { return &Progress{ui: u, key: key} }

// ClearLine removes a progress line from the terminal. A failed creation leaves its
// line there.
func (u *UI) ClearLine() {
	if u.Log.text != nil {
		u.Log.text.clearLine()
	}
}
