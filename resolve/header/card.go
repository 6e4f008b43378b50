package header

import (
	"bufio"
	"io"
	"strings"
	"unicode/utf8"
)

// The limits of a card. A name that is longer than maxLibrary bytes is left out.
const (
	maxCard    = 64 << 10
	maxLibrary = 256
)

// CardLibrary returns library_name in the front matter of a model card (README.md), or
// "". It reads up to 64 KiB. Front matter that does not end there names nothing.
//
// It knows no more YAML than such a line needs. The error is [ErrNotRegular] or the
// system's.
func CardLibrary(path string) (string, error) {
	f, _, err := open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return cardLibrary(f)
}

// cardLibrary reads the lines between the first two lines of ---. As on the hub, only
// blank lines may come before.
func cardLibrary(r io.Reader) (library string, err error) {
	s := bufio.NewScanner(io.LimitReader(r, maxCard))
	s.Buffer(nil, maxCard+1) // no line is too long
	began := false
	for mark := "\xEF\xBB\xBF"; s.Scan(); mark = "" {
		line := strings.TrimRight(strings.TrimPrefix(s.Text(), mark), " \t\r")
		value, named := strings.CutPrefix(line, "library_name:")
		switch {
		case line == "---" && began:
			return library, nil
		case line == "---":
			began = true
		case !began && line != "":
			return "", nil
		case named:
			library = scalar(value)
		}
	}
	return "", s.Err()
}

// scalar returns the text of a YAML value without quotes and comment, or "" if it is no
// text of one line. Escapes in quotes stay as they are.
func scalar(value string) string {
	text := strings.TrimLeft(value, " \t")
	if text == "" || len(text) == len(value) || !utf8.ValidString(text) { // key:value is a text in YAML
		return ""
	}
	switch text[0] {
	case '"', '\'':
		inner, _, closed := strings.Cut(text[1:], text[:1])
		if text = inner; !closed {
			return ""
		}
	case '[', '{', '&', '*', '!', '#', '>', '|':
		return ""
	default:
		if i := strings.Index(text, " #"); i >= 0 {
			text = strings.TrimSpace(text[:i])
		}
		if strings.Contains(text+" ", ": ") || text == "null" || text == "~" {
			return ""
		}
	}
	if len(text) > maxLibrary {
		return ""
	}
	return text
}
