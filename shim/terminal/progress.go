package terminal

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/modelrun/modelrun/resolve/store"
)

const (
	// repeatInterval is the time between two lines about the same phase if there is
	// no terminal.
	repeatInterval = 30 * time.Second
	// redrawInterval is the minimum time between two changes of the line on a
	// terminal, within one phase.
	redrawInterval = 100 * time.Millisecond
)

// Progress shows the progress of a creation. On a terminal it is one line that is
// overwritten. Elsewhere it is one line per phase, and one every 30 s.
//
// modelrun uses no library for this, because every launch would pay for it, even a
// launch that shows no progress. Linked into a program that only calls
// term.IsTerminal (1.6 MB, 0.21 ms of package initialisation; GODEBUG=inittrace=1,
// -s -w, a busy machine), vbauerster/mpb/v8 made it 2.3 MB and 0.42 ms,
// cheggaaa/pb/v3 3.5 MB and 0.60 ms, and schollz/progressbar/v3 4.1 MB and 0.68 ms,
// with a network stack.
type Progress struct {
	ui          *UI
	key         string
	interactive bool // there is a line to overwrite; set by the first Show
	phase       string
	began       time.Time // of the phase; zero before the first Show
	shown       time.Time // the last line, or the last change of the line
	meter       meter
}

// Show reports the progress of a creation: this process's own, or the one that it
// waits for. Calls must not overlap.
func (p *Progress) Show(owner store.Owner) {
	now := time.Now()
	e := progressEvent{Owner: owner, ours: isOurs(owner), key: p.key}
	if e.Phase == "" { // the creator has not written one yet, or has just ended
		e.Phase = cmp.Or(p.phase, e.state())
	}
	if p.began.IsZero() {
		p.interactive = p.ui.Log.text != nil && p.ui.interactive()
	}
	phase, _ := e.activity()
	isNew := phase != p.phase || p.began.IsZero()
	if isNew {
		p.phase, p.began, p.meter = phase, now, nil
		p.ui.Status.Phase(e.state(), e.key)
	}
	e.elapsed, e.rate = now.Sub(p.began), p.meter.update(now, e.Done)
	p.ui.Notify.Tell(e.state()+": "+e.key+", "+phase, e.state()+": "+e.key+", "+e.line(false))
	switch since := now.Sub(p.shown); {
	case p.interactive:
		if isNew || since >= redrawInterval {
			p.shown = now
			p.ui.Log.text.drawLine(e.line(true))
		}
	case isNew || since >= repeatInterval:
		p.shown = now
		p.log(e, isNew)
	}
}

// log writes the event to the log. A JSON log gets it as fields.
func (p *Progress) log(e progressEvent, isNew bool) {
	switch phase, _ := e.activity(); {
	case p.ui.Log.text == nil:
		p.ui.Log.Info(e.line(false), e.fields()...)
	case isNew:
		p.ui.Log.Info("… " + phase)
	default:
		p.ui.Log.Info("… " + e.line(false))
	}
}

// progressLine is the line on a terminal that is overwritten.
type progressLine struct {
	out   io.Writer
	file  *os.File // tells the width of the terminal; nil if there is none
	drawn int      // columns of the line that is on the terminal now
}

// draw replaces the line.
func (l *progressLine) draw(text string) {
	columns := l.columns()
	text = truncate(text, columns)
	if l.drawn+2 >= columns { // the terminal became narrower and broke the line, so the line stays
		_, _ = fmt.Fprintln(l.out) // as below
		l.drawn = 0
	}
	_, _ = fmt.Fprint(l.out, l.blank()+text) // a line that cannot be drawn is not an error
	l.drawn = utf8.RuneCountInString(text)
}

// erase removes the line, so that text can follow.
func (l *progressLine) erase() {
	if l.drawn > 0 {
		_, _ = fmt.Fprint(l.out, l.blank()) // as above
		l.drawn = 0
	}
}

// columns returns the current width of the terminal.
func (l *progressLine) columns() int {
	if l.file != nil {
		if n, _, err := term.GetSize(int(l.file.Fd())); err == nil && n > 0 { //nolint:gosec // a descriptor
			return n
		}
	}
	return 80
}

// blank returns text that overwrites the line with spaces, and with it the ^C that
// a terminal shows after the line. It uses no escape sequence: an old Windows
// console would show it as text, and the console's mode belongs to the caller.
func (l *progressLine) blank() string {
	if l.drawn == 0 {
		return "\r"
	}
	return "\r" + strings.Repeat(" ", l.drawn+2) + "\r"
}

// truncate shortens a line so that a terminal of that width does not break it. It
// leaves room for the ^C that the terminal shows.
func truncate(text string, columns int) string {
	runes := []rune(text)
	return string(runes[:min(len(runes), max(columns-3, 0))])
}
