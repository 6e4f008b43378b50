package store

import (
	"encoding/json"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// Failure is the last creation of a key that failed. Advisory: it keeps a
// service that restarts for ever from downloading for ever.
type Failure struct {
	Schema   int        `json:"schema"`
	ID       string     `json:"id"`     // random: another ID is another failure, whatever the clocks say
	Inputs   string     `json:"inputs"` // hash of what was to be installed
	Code     fault.Code `json:"code"`
	Text     string     `json:"text"`
	Remedy   string     `json:"remedy"`
	Log      string     `json:"log"`
	Tries    int        `json:"tries"` // failures of the same inputs, one after another
	Finished time.Time  `json:"finished"`
}

// Fault is the failure as an error, for those who waited for it.
func (f Failure) Fault() *fault.Error {
	return fault.New(f.Code, "%s", f.Text).Fix("%s", f.Remedy)
}

// The pause after a failure doubles from the first to the last.
const (
	firstPause = time.Minute
	lastPause  = 30 * time.Minute
)

// Failure reads the last failure of a key; what cannot be read is none. Whoever
// shares the root can write the file: no text of it looks like a line of ours.
//
// Not guaranteed: that the remedy is one of ours.
func (s *Store) Failure(k envdir.Key) Failure {
	var f Failure
	data, err := fsys.ReadFile(s.Root.Failure(k), maxState)
	if err != nil || json.Unmarshal(data, &f) != nil {
		return Failure{}
	}
	for _, text := range []*string{(*string)(&f.Code), &f.Text, &f.Remedy, &f.Log} {
		*text = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return ' '
			}
			return r
		}, *text)
	}
	return f
}

// RecordFailure keeps a failure. That it cannot be kept costs only work.
func (s *Store) RecordFailure(k envdir.Key, inputs string, cause *fault.Error, log string) error {
	f := Failure{
		Schema: 1, ID: suffix() + suffix(), Inputs: inputs, Code: cause.Code, Text: fault.Mask(cause.Text), Remedy: fault.Mask(cause.Remedy),
		Log: log, Tries: 1, Finished: time.Now().UTC(),
	}
	if last := s.Failure(k); last.Inputs == inputs {
		f.Tries = last.Tries + 1
	}
	data, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return fsys.WriteFile(s.Root.Failure(k), data)
}

// ClearFailure forgets the last failure.
func (s *Store) ClearFailure(k envdir.Key) {
	_ = os.Remove(s.Root.Failure(k)) // none: as wanted
}

// BackoffRemaining is how long the same inputs are not tried again, zero when they may
// be. A clock that jumped back costs one pause at the most.
func (s *Store) BackoffRemaining(k envdir.Key, inputs string) (time.Duration, Failure) {
	f := s.Failure(k)
	if f.ID == "" || f.Inputs != inputs {
		return 0, f
	}
	pause := firstPause << min(max(f.Tries-1, 0), 10)
	pause = min(pause, lastPause)
	since := time.Since(f.Finished)
	if since < 0 || since >= pause {
		return 0, f
	}
	return pause - since, f
}
