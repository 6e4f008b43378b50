package terminal

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// LogOptions are the settings of a log.
type LogOptions struct {
	Level    string // as in hclog: "info"
	Format   string // "text" or "json", for stderr and for the file
	File     string // gets all messages as well; "" for none
	FileFrom string // the source of File, for the error: "flag --log-file"
}

// Log writes messages to stderr and, if one is set, to a log file. Text on stderr
// is for people; JSON is one object per line. It never writes to stdout, which
// belongs to the program.
type Log struct {
	hclog.InterceptLogger
	text *textSink // writes text to stderr; nil for JSON
	file *os.File  // nil if there is no log file
}

// NewLog opens a log. It returns an error only if the log file cannot be opened.
func NewLog(o LogOptions, s Streams) (*Log, error) {
	log := newLog(o, s)
	if o.File == "" {
		return log, nil
	}
	if err := fsys.OwnLink(o.File); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(o.File, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fault.New(fault.BadConfig, "log file %s (%s) cannot be written: %w", o.File, o.FileFrom, err).
			Fix("name another file: modelrun --log-file FILE …")
	}
	log.RegisterSink(hclog.NewSinkAdapter(&hclog.LoggerOptions{
		Name: "modelrun", Level: hclog.LevelFromString(o.Level), Output: mask{f}, JSONFormat: o.Format == "json",
	}))
	log.file = f
	return log, nil
}

// newLog returns a log without a file.
func newLog(o LogOptions, s Streams) *Log {
	level := hclog.LevelFromString(o.Level)
	log := &Log{InterceptLogger: hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: "modelrun", Level: level, Output: io.Discard})}
	if o.Format == "json" {
		log.RegisterSink(hclog.NewSinkAdapter(&hclog.LoggerOptions{
			Name: "modelrun", Level: level, Output: mask{s.Err()}, JSONFormat: true,
		}))
		return log
	}
	log.text = &textSink{
		out: s.messages(), level: level, utf8: isUTF8(s.Env) || showsUnicode(s.Err()),
		line: progressLine{out: s.Err(), file: s.Stderr},
	}
	log.RegisterSink(log.text)
	return log
}

// silent returns a log that drops every message. It still clears the progress
// line of l.
func (l *Log) silent() *Log {
	return &Log{InterceptLogger: hclog.NewInterceptLogger(&hclog.LoggerOptions{Output: io.Discard}), text: l.text, file: l.file}
}

// textSink writes `modelrun: message`, without time and level.
type textSink struct {
	mu    sync.Mutex
	out   io.Writer
	level hclog.Level
	utf8  bool
	line  progressLine // shares the terminal with the messages
}

// Accept writes one message. hclog calls it for every sink.
func (t *textSink) Accept(_ string, level hclog.Level, msg string, args ...any) {
	if level < t.level {
		return
	}
	if !t.utf8 {
		msg = strings.NewReplacer("✓", "OK:", "⚠", "WARNING:", "…", "...").Replace(msg)
	}
	for i := 0; i+1 < len(args); i += 2 {
		if args[i] == "code" { // docs/troubleshooting.md explains the error under this code
			msg += fmt.Sprintf(" [%v]", args[i+1])
			continue
		}
		msg += fmt.Sprintf(" %v=%v", args[i], args[i+1])
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.line.erase()
	_, _ = fmt.Fprintf(t.out, "modelrun: %s\n", msg) // without stderr there is no place to report the error
}

// drawLine shows text as the progress line.
func (t *textSink) drawLine(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.line.draw(text)
}

// clearLine removes the progress line.
func (t *textSink) clearLine() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.line.erase()
}

// isUTF8 reads the locale variables in the order of POSIX. If none is set, the
// locale is "C". Today only terminals on macOS show UTF-8 without any of them.
func isUTF8(env execx.Environ) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(env.Get(name)); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}
