package terminal

import (
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/modelrun/modelrun/resolve/fault"
)

// Mask returns a writer that hides secrets, and shows control characters instead of
// sending them to w. Each Write must be whole lines.
func Mask(w io.Writer) io.Writer { return mask{w} }

// mask implements [Mask]. It is needed because the name of a file, of a model or an
// index, can contain commands for a terminal.
type mask struct{ io.Writer }

// Write writes whole lines.
func (m mask) Write(b []byte) (int, error) {
	if _, err := io.WriteString(m.Writer, Visible(fault.Mask(string(b)))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Visible escapes the characters that move a cursor, change a title or change the
// direction of writing. It keeps newlines and tabs.
func Visible(s string) string {
	isControl := func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r)
	}
	if !strings.ContainsFunc(s, isControl) {
		return s
	}
	var out strings.Builder
	for _, r := range s {
		if !isControl(r) {
			out.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRuneToASCII(r)
		out.WriteString(quoted[1 : len(quoted)-1])
	}
	return out.String()
}

// OneLine replaces the characters that would end or colour a line of a table by
// spaces. A file name can contain any of them.
func OneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}

// Wrapped breaks a line at spaces, so that it fits into width columns. It indents
// the lines after the first. A word that is longer stays whole.
func Wrapped(text string, width, indent int) string {
	var out strings.Builder
	column := 0
	for i, word := range strings.Split(text, " ") {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case word != "" && column+1+n > width && column > indent:
			out.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			out.WriteByte(' ')
			column++
		}
		out.WriteString(word)
		column += n
	}
	return out.String() + "\n"
}
