package terminal

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/store"
)

// progressEvent is the progress of a creation at one moment, for the terminal, the
// log, the service manager and programs. It comes from the owner's record, so a
// process that waits shows the same as the process that creates.
type progressEvent struct {
	store.Owner
	ours    bool // this process creates
	key     string
	elapsed time.Duration // in the phase, since modelrun first saw it
	rate    float64       // bytes per second; 0 if it is not known
}

// isOurs reports whether the creator is this process. A record that cannot be read,
// as at the very end of a creation, counts as another process's.
func isOurs(o store.Owner) bool { return o.PID == os.Getpid() }

// barWidth is the width of the bar in columns.
const barWidth = 10

// activity returns the phase, in one to three words, and the item that it works on.
func (e progressEvent) activity() (phase, item string) {
	verb, item, _ := strings.Cut(e.Doing, " ")
	return clean(cmp.Or(verb, e.Phase)), clean(item)
}

// clean makes text from the record, which others can write, safe to show.
func clean(s string) string { return OneLine(Visible(s)) }

// downloading reports whether a download is in progress.
func (e progressEvent) downloading() bool { return e.Done < e.Total }

// remaining returns the time that the rest of the download takes. It is negative if
// it is not known.
func (e progressEvent) remaining() time.Duration {
	if e.rate <= 0 || !e.downloading() {
		return -1
	}
	return time.Duration(min(float64(e.Total-e.Done)/e.rate, 999*3600) * float64(time.Second))
}

// line returns the event as one line, the most important first:
//
//	downloading [##........] 12/41 packages, ~210/840 MB, 21 MB/s, 30s left: torch 2.11.0
func (e progressEvent) line(bar bool) string {
	phase, item := e.activity()
	out := phase
	if bar && e.downloading() {
		n := int(max(e.Done, 0) * barWidth / e.Total)
		out += " [" + strings.Repeat("#", n) + strings.Repeat(".", barWidth-n) + "]"
	}
	parts := e.figures()
	if len(parts) > 0 {
		out += " "
	}
	if e.remaining() < 0 {
		if len(parts) == 0 {
			out += ", "
		}
		parts = append(parts, "for "+e.elapsed.Round(time.Second).String())
	}
	out += strings.Join(parts, ", ")
	if item != "" {
		out += ": " + item
	}
	if !e.ours && e.PID != 0 {
		out += fmt.Sprintf(" (process %d on %s since %s)", e.PID, clean(e.Host), e.Started.Local().Format("15:04"))
	}
	return out
}

// figures returns the known counts, sizes and times.
func (e progressEvent) figures() (parts []string) {
	if e.PackagesTotal > 0 {
		parts = append(parts, fmt.Sprintf("%d/%d packages", max(e.Packages, 0), e.PackagesTotal))
	}
	if e.downloading() {
		parts = append(parts, fraction(max(e.Done, 0), e.Total))
	}
	if left := e.remaining(); left >= 0 {
		parts = append(parts, resolve.Bytes(int64(e.rate))+"/s", left.Round(time.Second).String()+" left")
	}
	return parts
}

// fraction returns text such as "~210/840 MB". Within a wheel, the bytes are an
// estimate.
func fraction(done, total int64) string {
	part, whole := resolve.Bytes(done), resolve.Bytes(total)
	number, unit, _ := strings.Cut(part, " ")
	if strings.HasSuffix(whole, " "+unit) {
		part = number
	}
	return "~" + part + "/" + whole
}

// fields returns the event as the fields of a JSON line; see docs/json.md.
func (e progressEvent) fields() []any {
	eta := int64(-1)
	if left := e.remaining(); left >= 0 {
		eta = int64(left.Round(time.Second) / time.Second)
	}
	out := []any{
		"event", "progress", "state", e.state(), "key", e.key, "phase", e.Phase, "doing", e.Doing,
		"packages_done", e.Packages, "packages_total", e.PackagesTotal, "bytes_done", e.Done, "bytes_total", e.Total,
		"rate", int64(e.rate), "eta_s", eta, "phase_s", int64(e.elapsed / time.Second),
	}
	if !e.ours {
		out = append(out, "owner_pid", e.PID, "owner_host", e.Host, "owner_since", e.Started.UTC().Format(time.RFC3339))
	}
	return out
}

// EventFields returns the names of all fields of a progress event in JSON.
func EventFields() []string {
	var names []string
	for i, v := range (progressEvent{}).fields() {
		if name, ok := v.(string); ok && i%2 == 0 {
			names = append(names, name)
		}
	}
	return names
}

// state returns what this process does meanwhile, as the status file names it.
func (e progressEvent) state() string {
	if e.ours {
		return "creating"
	}
	return "waiting"
}
