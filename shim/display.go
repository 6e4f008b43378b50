package shim

import (
	"fmt"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/store"
)

// quietFor is how long nothing is said about a phase that goes on, where there
// is no terminal.
const quietFor = 30 * time.Second

// display shows how far a creation is: on a terminal a bar with phase, bytes,
// rate and time left, otherwise one line per phase and one every 30 s.
type display struct {
	s        *session
	terminal bool
	bar      *progressbar.ProgressBar
	phase    string
	began    time.Time
	said     time.Time
}

func newDisplay(s *session) *display { return &display{s: s} }

// progress is told of every sign of life, ours or that of the creator we wait for.
func (d *display) progress(o store.Owner) {
	now := time.Now()
	if o.Phase != d.phase {
		if d.phase == "" {
			f := d.s.inv.Stderr
			d.terminal = d.s.set.get(sLogFormat) == "text" && f != nil && term.IsTerminal(int(f.Fd())) && d.s.env.Get("TERM") != "dumb" //nolint:gosec // a descriptor
		}
		d.close()
		d.phase, d.began, d.said = o.Phase, now, now
		if o.PID == 0 || o.PID == os.Getpid() {
			d.s.status.phase("creating", string(d.s.target_.key))
		} else {
			d.s.status.phase("waiting", string(d.s.target_.key))
		}
		if !d.terminal && o.Phase != "" {
			d.s.log.Info("… " + o.Phase)
		}
	}
	switch {
	case d.terminal:
		d.draw(o)
	case now.Sub(d.said) >= quietFor:
		d.said = now
		d.s.log.Info(fmt.Sprintf("… %s%s, for %s", o.Phase, amount(o), now.Sub(d.began).Round(time.Second)))
	}
}

func amount(o store.Owner) string {
	switch {
	case o.Total > 0:
		return fmt.Sprintf(", %s of %s", resolve.Bytes(o.Done), resolve.Bytes(o.Total))
	case o.Done > 0:
		return ", " + resolve.Bytes(o.Done)
	}
	return ""
}

// draw keeps one line at the bottom of the terminal.
func (d *display) draw(o store.Owner) {
	if d.bar == nil {
		total := o.Total
		if total <= 0 {
			total = -1 // a spinner
		}
		d.bar = progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(d.s.inv.Stderr), progressbar.OptionSetDescription("modelrun: "+o.Phase),
			progressbar.OptionShowBytes(total > 0), progressbar.OptionSetWidth(20), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetPredictTime(total > 0), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionUseANSICodes(false))
		d.s.people.clear = d.close // text may come at any time
	}
	if o.Total > 0 && d.bar.GetMax64() != o.Total {
		d.bar.ChangeMax64(o.Total)
	}
	_ = d.bar.Set64(o.Done) // a display that cannot be drawn is no failure
}

// close takes the bar off the line, so that text can follow.
func (d *display) close() {
	if d.bar != nil {
		_ = d.bar.Clear()
		d.bar = nil
	}
}
