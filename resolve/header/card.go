package header

import (
	"bufio"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Card is what a model card says about its model: the front matter of README.md.
type Card struct {
	Library  string   // library_name
	Pipeline string   // pipeline_tag
	Bases    []string // base_model, which is one name or a list
	Tags     []string
}

// The limits of a card. A value that is longer than maxValue bytes is left out.
const (
	maxCard   = 64 << 10
	maxValue  = 256
	maxValues = 64
)

// ReadCard reads the front matter in the first 64 KiB of a model card. A file that
// has none, or whose front matter does not end there, is an empty card. At most 64
// bases and 64 tags of up to 256 bytes are returned.
//
// It understands what cards are made of: top-level keys with a text or a list of
// texts. It passes over all other YAML. The error is [ErrNotRegular] or the system's.
func ReadCard(path string) (Card, error) {
	f, _, err := open(path)
	if err != nil {
		return Card{}, err
	}
	defer f.Close()
	return readCard(f)
}

func readCard(r io.Reader) (c Card, err error) {
	lines, err := frontMatter(r)
	for len(lines) > 0 {
		n := 1
		for n < len(lines) && belongs(lines[n]) {
			n++
		}
		entry := lines[:n]
		lines = lines[n:]
		switch key, value, _ := strings.Cut(entry[0], ":"); key {
		case "library_name":
			c.Library = first(values(value, entry[1:]))
		case "pipeline_tag":
			c.Pipeline = first(values(value, entry[1:]))
		case "base_model":
			c.Bases = values(value, entry[1:])
		case "tags":
			c.Tags = values(value, entry[1:])
		}
	}
	return c, err
}

// frontMatter returns the lines between the first two lines of ---, or nil. As on
// the hub, only blank lines may come before.
func frontMatter(r io.Reader) ([]string, error) {
	s := bufio.NewScanner(io.LimitReader(r, maxCard))
	s.Buffer(nil, maxCard+1) // no line is too long
	var lines []string
	began := false
	for mark := "\xEF\xBB\xBF"; s.Scan(); mark = "" {
		line := strings.TrimRight(strings.TrimPrefix(s.Text(), mark), " \t\r")
		switch {
		case line == "---" && began:
			return lines, nil
		case began:
			lines = append(lines, line)
		case line == "---":
			began = true
		case line != "":
			return nil, nil
		}
	}
	return nil, s.Err()
}

// belongs reports whether a line belongs to the entry above it.
func belongs(line string) bool {
	return line == "" || line[0] == ' ' || line[0] == '\t' || line[0] == '-' || line[0] == ']'
}

// first returns the first of the values, or "".
func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// values returns the texts of a value: the rest of its line, and the lines below that
// belong to it.
func values(value string, below []string) []string {
	if value != "" && value[0] != ' ' && value[0] != '\t' {
		return nil // key:value is a text in YAML
	}
	value = strings.TrimSpace(value)
	switch {
	case value == "" || value[0] == '#':
		return items(below)
	case value[0] == '[':
		return flow(value + "\n" + strings.Join(below, "\n"))
	}
	return add(nil, value, below)
}

// folded reports whether a value announces a text on the next lines. The hub's editor
// writes long names so.
func folded(value string) bool { return value != "" && (value[0] == '>' || value[0] == '|') }

// items reads a list of one item a line. Items that are not texts are left out.
func items(lines []string) (list []string) {
	for i, line := range lines {
		if item, ok := strings.CutPrefix(strings.TrimSpace(line), "- "); ok {
			list = add(list, strings.TrimSpace(item), lines[i+1:])
		}
	}
	return list
}

// flow reads a list of the form [a, "b"].
func flow(text string) (list []string) {
	text, _, ok := strings.Cut(text[1:], "]")
	if !ok {
		return nil
	}
	for item := range strings.SplitSeq(text, ",") {
		list = add(list, strings.TrimSpace(item), nil)
	}
	return list
}

// add adds a value to a list that is not full, if the value is a text. The lines
// below are those of a folded text.
func add(list []string, value string, below []string) []string {
	if folded(value) && len(below) > 0 {
		value = strings.TrimSpace(below[0])
	}
	if value = scalar(value); value == "" || len(list) == maxValues {
		return list
	}
	return append(list, value)
}

// scalar returns the text of a value without quotes and comment, or "" if it is no
// text.
func scalar(value string) string {
	if value == "" || !utf8.ValidString(value) {
		return ""
	}
	switch value[0] {
	case '"':
		quoted, _ := strconv.QuotedPrefix(value)
		value, _ = strconv.Unquote(quoted) // an escape that only YAML has: no text
	case '\'':
		value = singleQuoted(value[1:])
	case '[', '{', '&', '*', '!', '#', '>', '|':
		return ""
	default:
		if i := strings.Index(value, " #"); i >= 0 {
			value = strings.TrimSpace(value[:i])
		}
		if strings.Contains(value+" ", ": ") || value == "null" || value == "~" {
			return ""
		}
	}
	if len(value) > maxValue {
		return ""
	}
	return value
}

// singleQuoted returns the text up to the closing quote, or "". Two quotes stand for
// one.
func singleQuoted(text string) string {
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] != '\'':
		case strings.HasPrefix(text[i:], "''"):
			i++
		default:
			return strings.ReplaceAll(text[:i], "''", "'")
		}
	}
	return ""
}
