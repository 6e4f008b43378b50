package store

import (
	"encoding/json"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// Failure is the last failed creation of a key. It is advisory: retries back off,
// so that a restarting service does not download again and again.
type Failure struct {
	Schema   int        `json:"schema"`   // 1
	ID       string     `json:"id"`       // random, so that two failures differ even if the clocks are wrong
	Inputs   string     `json:"inputs"`   // hash of the plan
	Code     fault.Code `json:"code"`     // the reason code
	Text     string     `json:"text"`     // what failed
	Remedy   string     `json:"remedy"`   // what to do
	Log      string     `json:"log"`      // path of the log
	Tries    int        `json:"tries"`    // consecutive failures of the same inputs
	Finished time.Time  `json:"finished"` // when it failed
}

// Fault returns the failure as an error, for processes that waited for the
// creation.
func (f Failure) Fault() *fault.Error {
	return fault.New(f.Code, "%s", f.Text).Fix("%s", f.Remedy)
}

// The first and the longest pause after a failure. Each pause is twice as long as
// the one before.
const (
	firstPause = time.Minute
	lastPause  = 30 * time.Minute
)

// BackoffRemaining returns how long the same inputs must not be tried again. It
// returns 0 if they may be tried now. A clock that jumped back costs at most one
// pause.
func (f Failure) BackoffRemaining(inputs string) time.Duration {
	if f.ID == "" || f.Inputs != inputs {
		return 0
	}
	pause := firstPause << min(max(f.Tries-1, 0), 10)
	pause = min(pause, lastPause)
	since := time.Since(f.Finished)
	if since < 0 || since >= pause {
		return 0
	}
	return pause - since
}

// Failure reads the last failure of the key. A file that cannot be read counts as
// none. Every user who shares the root can write the file, so control characters
// are removed. Then no text can look like a line of ours.
//
// The remedy may still be any text.
func (c Creation) Failure() Failure {
	var f Failure
	data, err := fsys.ReadFile(c.files.Failure(), maxState)
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

// RecordFailure records that this creation failed. If it cannot write the record,
// that costs only time.
func (l *Lock) RecordFailure(inputs string, cause *fault.Error, log string) error {
	f := Failure{
		Schema: 1, ID: suffix() + suffix(), Inputs: inputs, Code: cause.Code, Text: fault.Mask(cause.Text), Remedy: fault.Mask(cause.Remedy),
		Log: log, Tries: 1, Finished: time.Now().UTC(),
	}
	if last := l.store.Creation(l.key).Failure(); last.Inputs == inputs {
		f.Tries = last.Tries + 1
	}
	data, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return fsys.WriteFile(l.store.Root.Files(l.key).Failure(), data)
}

// ClearFailure removes the last failure.
func (l *Lock) ClearFailure() {
	_ = os.Remove(l.store.Root.Files(l.key).Failure()) // a missing file is fine
}
