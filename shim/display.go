package shim

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/modelrun/modelrun/resolve/store"
)

const (
	// quietFor is how long nothing is said about a phase that goes on, where
	// there is no terminal.
	quietFor = 30 * time.Second
	// redraw is how often the line on a terminal changes.
	redraw = 100 * time.Millisecond
)

// display shows how far a creation is: on a terminal in one line that is
// written over, otherwise in a line per phase and one every 30 s.
//
// It is our own because the libraries for it cost every launch, those that never
// show one as well. Linked into a program that only asks term.IsTerminal (1.6 MB,
// 0.21 ms of package initialisation; GODEBUG=inittrace=1, -s -w, a busy machine)
// vbauerster/mpb/v8 made it 2.3 MB and 0.42 ms, cheggaaa/pb/v3 3.5 MB and
// 0.60 ms, schollz/progressbar/v3 4.1 MB and 0.68 ms, with a network stack.
type display struct {
	s        *session
	terminal bool
	drawn    int // columns of the line that is on the terminal now
	phase    string
	began    time.Time
	said     time.Time // something was said or drawn
	meter    meter
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
	f := facts{Owner: o, ours: isUs(o), key: string(d.s.wanted.key)}
	if f.Phase == "" { // of a creator that says nothing, or has just ended
		f.Phase = cmp.Or(d.phase, f.state())
	}
	phase, _ := f.head()
	news := phase != d.phase || d.began.IsZero()
	if news {
		d.phase, d.began, d.meter = phase, now, nil
		d.s.status.phase(f.state(), f.key)
	}
	f.took, f.rate = now.Sub(d.began), d.meter.rate(now, f.Done)
	d.s.notify.tell(f.state()+": "+f.key+", "+phase, f.state()+": "+f.key+", "+f.text(false))
	switch since := now.Sub(d.said); {
	case d.terminal:
		if news || since >= redraw {
			d.said = now
			d.draw(f)
		}
	case news || since >= quietFor:
		d.said = now
		d.say(f, news)
	}
}

// say writes a line: where programs read, with fields.
func (d *display) say(f facts, news bool) {
	switch phase, _ := f.head(); {
	case d.s.people == nil:
		d.s.log.Info(f.text(false), f.event()...)
	case news:
		d.s.log.Info("… " + phase)
	default:
		d.s.log.Info("… " + f.text(false))
	}
}

// draw writes over the line on the terminal.
func (d *display) draw(f facts) {
	d.s.people.quiet(func() {
		columns := d.columns()
		text := fits(f.text(true), columns)
		if d.drawn+2 >= columns { // it is narrower now, and has broken the line: that one stays
			_, _ = fmt.Fprintln(d.s.stderr) // as below
			d.drawn = 0
		}
		_, _ = fmt.Fprint(d.s.stderr, d.blank()+text) // a display that cannot be drawn is no failure
		d.drawn = utf8.RuneCountInString(text)
	})
}

// columns is how wide the terminal is now.
func (d *display) columns() int {
	if f := d.s.inv.Stderr; f != nil {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 { //nolint:gosec // a descriptor
			return n
		}
	}
	return 80
}

// erase takes the line off the terminal, so that text can follow.
func (d *display) erase() {
	if d.drawn > 0 {
		_, _ = fmt.Fprint(d.s.stderr, d.blank()) // as above
		d.drawn = 0
	}
}

// blank overwrites the line, and the ^C that a terminal puts behind it: an old
// Windows console shows escape sequences as text, and its mode is not ours to
// change.
func (d *display) blank() string {
	if d.drawn == 0 {
		return "\r"
	}
	return "\r" + strings.Repeat(" ", d.drawn+2) + "\r"
}
