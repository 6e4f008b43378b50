package shim

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/store"
)

const (
	// quietFor is how long nothing is said about a phase that goes on, where
	// there is no terminal.
	quietFor = 30 * time.Second
	// redraw is how often the line on a terminal changes.
	redraw = 100 * time.Millisecond
	// barWidth is the bar's, in columns.
	barWidth = 20
)

// display shows how far a creation is: on a terminal a line with phase, bar,
// bytes, rate and time left, otherwise one line per phase and one every 30 s.
//
// It is our own because the libraries for it cost every launch: linking
// vbauerster/mpb adds 0.14 ms of package initialisation and 0.4 MB,
// schollz/progressbar a network stack (measured with GODEBUG=inittrace=1).
type display struct {
	s        *session
	terminal bool
	drawn    int // columns of the line that is on the terminal now
	phase    string
	began    time.Time
	said     time.Time // something was said or drawn
}

func newDisplay(s *session) *display {
	d := &display{s: s}
	if s.people != nil {
		f := s.inv.Stderr
		s.people.clear = d.erase                                                                                 // text may come at any time
		d.terminal = s.console != nil || f != nil && s.env.Get("TERM") != "dumb" && term.IsTerminal(int(f.Fd())) //nolint:gosec // a descriptor
	}
	return d
}

// progress is told of every sign of life, ours or that of the creator we wait
// for. Calls do not overlap.
func (d *display) progress(o store.Owner) {
	now := time.Now()
	doing, key := "waiting", string(d.s.wanted.key)
	if o.PID == 0 || o.PID == os.Getpid() {
		doing = "creating"
	}
	if o.Phase == "" { // of a creator that says nothing, or has just ended
		o.Phase = cmp.Or(d.phase, doing)
	}
	d.s.notify.tell(doing + ": " + key + ", " + o.Phase)
	if o.Phase != d.phase || d.began.IsZero() {
		d.phase, d.began, d.said = o.Phase, now, now
		d.s.status.phase(doing, key)
		if !d.terminal {
			d.s.log.Info("… " + o.Phase)
		}
	}
	switch since := now.Sub(d.said); {
	case d.terminal && (since >= redraw || since == 0):
		d.said = now
		d.s.people.quiet(func() {
			text := line(o, now.Sub(d.began))
			_, _ = fmt.Fprint(d.s.stderr, d.blank()+text) // a display that cannot be drawn is no failure
			d.drawn = utf8.RuneCountInString(text)
		})
	case !d.terminal && since >= quietFor:
		d.said = now
		d.s.log.Info("… " + line(o, now.Sub(d.began)))
	}
}

// erase takes the line off the terminal, so that text can follow.
func (d *display) erase() {
	if d.drawn > 0 {
		_, _ = fmt.Fprint(d.s.stderr, d.blank()) // as above
		d.drawn = 0
	}
}

// blank overwrites the line: an old Windows console shows escape sequences as
// text, and its mode is not ours to change.
func (d *display) blank() string { return "\r" + strings.Repeat(" ", d.drawn) + "\r" }

// line is one state in words, below 80 columns:
// "installing [#####...............] 210 MB of 840 MB, 24 MB/s, 26s left".
func line(o store.Owner, took time.Duration) string {
	text := visible(o.Phase)               // of a file that others can write
	if o.Total <= 0 || o.Done >= o.Total { // unknown, or unpacked and compiled now
		return fmt.Sprintf("%s, for %s", text, took.Round(time.Second))
	}
	done := min(max(o.Done, 0), o.Total)
	n := int(done * barWidth / o.Total)
	text += fmt.Sprintf(" [%s%s] %s of %s", strings.Repeat("#", n), strings.Repeat(".", barWidth-n), resolve.Bytes(done), resolve.Bytes(o.Total))
	if rate := float64(done) / took.Seconds(); done > 0 && done < o.Total && took > 0 {
		left := time.Duration(float64(o.Total-done) / rate * float64(time.Second))
		text += fmt.Sprintf(", %s/s, %s left", resolve.Bytes(int64(rate)), left.Round(time.Second))
	}
	return text
}
