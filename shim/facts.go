package shim

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/store"
)

// facts are what is said of a creation: on a terminal, in a log, to the service
// manager, to programs. All of it comes from the owner's record, so who waits
// says the same as who creates.
type facts struct {
	store.Owner
	ours bool
	key  string
	took time.Duration // of the phase, as far as we saw it
	rate float64       // bytes per second; 0 not known
}

// barWidth is the bar's, in columns.
const barWidth = 10

// head is the phase in a word or three, and what of it is at work.
func (f facts) head() (phase, what string) {
	verb, what, _ := strings.Cut(f.Doing, " ")
	return word(cmp.Or(verb, f.Phase)), word(what)
}

// word is for words of a file that others can write.
func word(s string) string { return oneLine(visible(s)) }

// loading reports that a download goes on.
func (f facts) loading() bool { return f.Done < f.Total }

// left is the time that the rest of the download takes; negative: not known.
func (f facts) left() time.Duration {
	if f.rate <= 0 || !f.loading() {
		return -1
	}
	return time.Duration(min(float64(f.Total-f.Done)/f.rate, 999*3600) * float64(time.Second))
}

// text is the facts in a line, what matters most first:
//
//	downloading [##........] 12/41 packages, ~210/840 MB, 21 MB/s, 30s left: torch 2.11.0
func (f facts) text(bar bool) string {
	phase, what := f.head()
	out := phase
	if bar && f.loading() {
		n := int(max(f.Done, 0) * barWidth / f.Total)
		out += " [" + strings.Repeat("#", n) + strings.Repeat(".", barWidth-n) + "]"
	}
	parts := f.numbers()
	if len(parts) > 0 {
		out += " "
	}
	if f.left() < 0 {
		if len(parts) == 0 {
			out += ", "
		}
		parts = append(parts, "for "+f.took.Round(time.Second).String())
	}
	out += strings.Join(parts, ", ")
	if what != "" {
		out += ": " + what
	}
	if !f.ours && f.PID != 0 {
		out += fmt.Sprintf(" (process %d on %s since %s)", f.PID, word(f.Host), f.Started.Local().Format("15:04"))
	}
	return out
}

func (f facts) numbers() (parts []string) {
	if f.PackagesTotal > 0 {
		parts = append(parts, fmt.Sprintf("%d/%d packages", max(f.Packages, 0), f.PackagesTotal))
	}
	if f.loading() {
		parts = append(parts, share(max(f.Done, 0), f.Total))
	}
	if left := f.left(); left >= 0 {
		parts = append(parts, resolve.Bytes(int64(f.rate))+"/s", left.Round(time.Second).String()+" left")
	}
	return parts
}

// share is "~210/840 MB": between two whole wheels the bytes are an estimate.
func share(done, total int64) string {
	part, whole := resolve.Bytes(done), resolve.Bytes(total)
	number, unit, _ := strings.Cut(part, " ")
	if strings.HasSuffix(whole, " "+unit) {
		part = number
	}
	return "~" + part + "/" + whole
}

// event is the facts as the fields of a line of JSON; docs/json.md has them.
func (f facts) event() []any {
	eta := int64(-1)
	if left := f.left(); left >= 0 {
		eta = int64(left.Round(time.Second) / time.Second)
	}
	out := []any{
		"event", "progress", "state", f.state(), "key", f.key, "phase", f.Phase, "doing", f.Doing,
		"packages_done", f.Packages, "packages_total", f.PackagesTotal, "bytes_done", f.Done, "bytes_total", f.Total,
		"rate", int64(f.rate), "eta_s", eta, "phase_s", int64(f.took / time.Second),
	}
	if !f.ours {
		out = append(out, "owner_pid", f.PID, "owner_host", f.Host, "owner_since", f.Started.UTC().Format(time.RFC3339))
	}
	return out
}

// state is the word of the status file for what we do meanwhile.
func (f facts) state() string {
	if f.ours {
		return "creating"
	}
	return "waiting"
}

// fits cuts a line so that a terminal of so many columns never breaks it, with
// room for the ^C that it shows itself.
func fits(text string, columns int) string {
	runes := []rune(text)
	return string(runes[:min(len(runes), max(columns-3, 0))])
}

// window is how long back the rate is measured: a link that became slow, or
// fast, shows soon.
const window = 10 * time.Second

// meter measures a rate.
type meter []reading

type reading struct {
	at   time.Time
	done int64
}

// rate takes one more reading; 0 until there are two that differ.
func (m *meter) rate(now time.Time, done int64) float64 {
	s := *m
	if n := len(s); n > 0 && done < s[n-1].done {
		s = nil // another download
	}
	for len(s) > 1 && now.Sub(s[1].at) >= window {
		s = s[1:]
	}
	if n := len(s); n == 0 || now.Sub(s[n-1].at) >= redraw {
		s = append(s, reading{now, done})
	}
	*m = s
	if took := now.Sub(s[0].at); took >= redraw {
		return float64(done-s[0].done) / took.Seconds()
	}
	return 0
}

// isUs reports whether the creator is this process. One of which nothing can be
// read, as at its very end, is another.
func isUs(o store.Owner) bool { return o.PID == os.Getpid() }
