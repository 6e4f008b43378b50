package shim

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/hashicorp/go-hclog"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// newLog is where every line of ours goes: stderr for people, one JSON object
// a line for programs, and a file besides. stdout belongs to the program.
func newLog(s *settings, stderr io.Writer, env execx.Environ) (hclog.InterceptLogger, *people, error) {
	level := hclog.LevelFromString(s.get(sLogLevel))
	log := hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: "modelrun", Level: level, Output: io.Discard})
	var p *people
	if s.get(sLogFormat) == "json" {
		log.RegisterSink(hclog.NewSinkAdapter(&hclog.LoggerOptions{Name: "modelrun", Level: level, Output: mask{stderr}, JSONFormat: true}))
	} else {
		p = &people{out: mask{stderr}, level: level, utf8: isUTF8(env) || showsUnicode(stderr)}
		if f, ok := stderr.(*os.File); ok {
			p.out = mask{paint{f, env}}
		}
		log.RegisterSink(p)
	}
	if path := s.get(sLogFile); path != "" {
		if err := fsys.OwnLink(path); err != nil {
			return nil, nil, err
		}
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			return nil, nil, fault.New(fault.BadConfig, "log file %s (%s) cannot be written: %w", path, s.one[sLogFile].from, err).
				Fix("name another file: modelrun --log-file FILE …")
		}
		log.RegisterSink(hclog.NewSinkAdapter(&hclog.LoggerOptions{
			Name: "modelrun", Level: level, Output: mask{f}, JSONFormat: s.get(sLogFormat) == "json",
		}))
	}
	return log, p, nil
}

// people prints `modelrun: text`, without time and level.
type people struct {
	mu    sync.Mutex
	out   io.Writer
	level hclog.Level
	utf8  bool
	clear func() // takes a progress display off the line; nil: none
}

// Accept is hclog's side of a sink.
func (p *people) Accept(_ string, level hclog.Level, msg string, args ...any) {
	if level < p.level {
		return
	}
	if !p.utf8 {
		msg = strings.NewReplacer("✓", "OK:", "⚠", "WARNING:", "…", "...").Replace(msg)
	}
	for i := 0; i+1 < len(args); i += 2 {
		if args[i] == "code" { // under which docs/troubleshooting.md explains an error
			msg += fmt.Sprintf(" [%v]", args[i+1])
			continue
		}
		msg += fmt.Sprintf(" %v=%v", args[i], args[i+1])
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.clear != nil {
		p.clear()
	}
	_, _ = fmt.Fprintf(p.out, "modelrun: %s\n", msg) // there is nowhere to say that stderr is gone
}

// quiet runs f while no text is written.
func (p *people) quiet(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

// isUTF8 follows the locale variables in the order of POSIX; none means "C",
// but a terminal without any of them shows UTF-8 nowadays only on macOS.
func isUTF8(env execx.Environ) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(env.Get(name)); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

// mask hides secrets in everything that is written, and shows control
// characters instead of sending them: a file of a model or an index may be
// named so that a terminal obeys it. It is given whole lines.
type mask struct{ io.Writer }

func (m mask) Write(b []byte) (int, error) {
	if _, err := io.WriteString(m.Writer, visible(fault.Mask(string(b)))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// visible is the text without what moves a cursor, changes a title or turns the
// direction of writing. Lines and tabs stay.
func visible(s string) string {
	odd := func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r)
	}
	if !strings.ContainsFunc(s, odd) {
		return s
	}
	var out strings.Builder
	for _, r := range s {
		if !odd(r) {
			out.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRuneToASCII(r)
		out.WriteString(quoted[1 : len(quoted)-1])
	}
	return out.String()
}

// printJSON writes one JSON document for programs.
func printJSON(out io.Writer, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, fault.Mask(string(data)))
	return err
}
