package uv

import (
	"bytes"
	"io"
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
)

// masked hides secrets in everything written to w. A nil w discards everything.
type masked struct{ w io.Writer }

// Write implements [io.Writer].
func (m masked) Write(p []byte) (int, error) {
	if m.w == nil {
		return len(p), nil
	}
	if _, err := io.WriteString(m.w, fault.Mask(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// lineWriter passes everything on to next, and calls line for each complete
// line.
type lineWriter struct {
	next io.Writer
	line func(string)
	rest []byte
}

// Write implements [io.Writer].
func (w *lineWriter) Write(p []byte) (int, error) {
	if w.line != nil {
		w.rest = append(w.rest, p...)
		for {
			i := bytes.IndexByte(w.rest, '\n')
			if i < 0 {
				break
			}
			w.line(strings.TrimSpace(string(w.rest[:i])))
			w.rest = w.rest[i+1:]
		}
	}
	return w.next.Write(p)
}
