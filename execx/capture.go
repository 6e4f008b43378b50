package execx

import (
	"bytes"
	"io"
	"slices"
	"sync"
)

// capture keeps a tool's output and passes it on.
type capture struct {
	mu               sync.Mutex // not held during a write to live, which can block
	out              head
	outTail, errTail tail
	live             live
}

func newCapture(output io.Writer) *capture { return &capture{live: live{w: output}} }

// stdout returns the writer for the tool's stdout.
func (c *capture) stdout() io.Writer { return stream{c, []io.Writer{&c.out, &c.outTail}} }

// stderr returns the writer for the tool's stderr.
func (c *capture) stderr() io.Writer { return stream{c, []io.Writer{&c.errTail}} }

// result returns the output so far. A grandchild outside the group may still
// write.
func (c *capture) result() (stdout []byte, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if text = c.errTail.String(); text == "" {
		text = c.outTail.String()
	}
	return slices.Clip(c.out.Bytes()), text
}

// stream is one of a tool's two output streams. It never fails: a closed
// terminal or a full disk on our side must not cause SIGPIPE in an installer.
type stream struct {
	c    *capture
	keep []io.Writer
}

// Write implements [io.Writer].
func (s stream) Write(p []byte) (int, error) {
	s.c.mu.Lock()
	for _, w := range s.keep {
		_, _ = w.Write(p) // head and tail never fail
	}
	s.c.mu.Unlock()
	s.c.live.write(p)
	return len(p), nil
}

// live writes both streams to Cmd.Output, until the first error.
type live struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *live) write(p []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.w == nil {
		return
	}
	if _, err := l.w.Write(p); err != nil {
		l.w = nil
	}
}

// head keeps the first bytes and silently drops the rest: a tool must not fail
// because it prints too much.
type head struct{ bytes.Buffer }

// Write implements [io.Writer].
func (h *head) Write(p []byte) (int, error) {
	if room := maxStdout - h.Len(); room > 0 {
		h.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// tail keeps the last bytes.
type tail struct {
	buf []byte
	cut bool // something before buf was dropped
}

// Write implements [io.Writer].
func (t *tail) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p...)
	if len(t.buf) > 2*maxTail {
		t.buf = append(t.buf[:0], t.buf[len(t.buf)-maxTail:]...)
		t.cut = true
	}
	return len(p), nil
}

// String returns complete lines, unless one line is longer than everything that
// is kept.
func (t *tail) String() string {
	b, cut := t.buf, t.cut
	if len(b) > maxTail {
		b, cut = b[len(b)-maxTail:], true
	}
	b = bytes.TrimRight(b, "\r\n")
	if i := bytes.IndexByte(b, '\n'); cut && i >= 0 {
		b = b[i+1:]
	}
	return string(b)
}
