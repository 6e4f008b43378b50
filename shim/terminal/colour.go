package terminal

import (
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/modelrun/modelrun/execx"
)

// usesColours reports whether output to f is coloured. NO_COLOR
// (https://no-color.org) turns colours off; CLICOLOR_FORCE and FORCE_COLOR turn
// them on. Without these variables, a terminal that understands escape sequences
// gets colours.
func usesColours(f *os.File, env execx.Environ) bool {
	isOn := func(name string) bool { v := env.Get(name); return v != "" && v != "0" }
	switch {
	case f == nil || env.Get("NO_COLOR") != "":
		return false
	case isOn("CLICOLOR_FORCE") || isOn("FORCE_COLOR"):
		return true
	case env.Get("CLICOLOR") == "0" || env.Get("FORCE_COLOR") == "0":
		return false
	}
	return term.IsTerminal(int(f.Fd())) && obeysEscapes(f, env) //nolint:gosec // a descriptor
}

// The colours. A colour only repeats the meaning of its word.
const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	cyan   = "\x1b[36m"
	reset  = "\x1b[0m"
)

// colourWriter colours the first words of messages, and the states in a table. It
// writes after mask, which removes all escape sequences. Each Write must be one
// message or one cell.
type colourWriter struct {
	file *os.File
	env  execx.Environ
}

// Write writes one message or one cell.
func (w colourWriter) Write(b []byte) (int, error) {
	before, word, after := splitState(string(b))
	colour := colourOf(word)
	if colour == "" || !usesColours(w.file, w.env) { // the terminal is queried only for a word that has a colour
		return w.file.Write(b)
	}
	if _, err := io.WriteString(w.file, before+colour+word+reset+after); err != nil {
		return 0, err
	}
	return len(b), nil
}

// splitState cuts out the word that may be coloured: the first word of a message,
// or the whole cell.
func splitState(text string) (before, word, after string) {
	line, isMessage := strings.CutPrefix(text, "modelrun: ")
	if !isMessage {
		return "", text, ""
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
