package shim

import (
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/modelrun/modelrun/execx"
)

// coloured reports whether what is written to f may hold colours: NO_COLOR
// (https://no-color.org) forbids them, CLICOLOR_FORCE and FORCE_COLOR ask for
// them, and without any a terminal that obeys escape sequences gets them.
func coloured(f *os.File, env execx.Environ) bool {
	asked := func(name string) bool { v := env.Get(name); return v != "" && v != "0" }
	switch {
	case f == nil || env.Get("NO_COLOR") != "":
		return false
	case asked("CLICOLOR_FORCE") || asked("FORCE_COLOR"):
		return true
	case env.Get("CLICOLOR") == "0" || env.Get("FORCE_COLOR") == "0":
		return false
	}
	return term.IsTerminal(int(f.Fd())) && obeysEscapes(f, env) //nolint:gosec // a descriptor
}

// The colours, which only repeat what a word says.
const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	cyan   = "\x1b[36m"
	plain  = "\x1b[0m"
)

// paint colours the first words of our messages, and the words of a table's
// column of states. It stands behind mask, which lets no escape sequence through,
// and is given a message or a cell at a time.
type paint struct {
	file *os.File
	env  execx.Environ
}

func (p paint) Write(b []byte) (int, error) {
	before, word, after := accent(string(b))
	colour := colourOf(word)
	if colour == "" || !coloured(p.file, p.env) { // asked only where there is something to colour
		return p.file.Write(b)
	}
	if _, err := io.WriteString(p.file, before+colour+word+plain+after); err != nil {
		return 0, err
	}
	return len(b), nil
}

// accent is the word of a text that may be coloured.
func accent(text string) (before, word, after string) {
	line, ours := strings.CutPrefix(text, "modelrun: ")
	if !ours {
		return "", text, "" // a cell
	}
	word, after, _ = strings.Cut(strings.TrimLeft(line, " "), " ")
	return text[:len(text)-len(word)-len(after)-1], word, " " + after
}

func colourOf(word string) string {
	switch word {
	case "error:", "broken", "failed":
		return red
	case "⚠", "WARNING:", "warning", "unknown", "degraded", "stopped here":
		return yellow
	case "✓", "OK:", "healthy", "ok", "used", "chosen", "serves":
		return green
	case "hint:":
		return cyan
	}
	return ""
}

// page is where a table goes.
func (s *session) page() io.Writer { return mask{paint{s.inv.Stdout, s.env}} }
