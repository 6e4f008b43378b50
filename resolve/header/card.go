package header

import (
	"bytes"
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
	data, err := io.ReadAll(io.LimitReader(r, maxCard))
	if err != nil {
		return Card{}, err
	}
	lines := frontMatter(data)
	for len(lines) > 0 {
		var key string
		var values []string
		key, values, lines = entry(lines)
		first := ""
		if len(values) > 0 {
			first = values[0]
		}
		switch key {
		case "library_name":
			c.Library = first
		case "pipeline_tag":
			c.Pipeline = first
		case "base_model":
			c.Bases = values
		case "tags":
			c.Tags = values
		}
	}
	return c, nil
}

// frontMatter returns the lines between the first two lines of ---, or nil. As on
// the hub, only blank lines may come before.
func frontMatter(data []byte) []string {
	data = bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF"))
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	lines := strings.Split(strings.TrimLeft(text, " \t\n"), "\n")
	if strings.TrimRight(lines[0], " \t") != "---" {
		return nil
	}
	for i, line := range lines[1:] {
		if strings.TrimRight(line, " \t") == "---" {
			return lines[1 : i+1]
		}
	}
	return nil
}

// entry splits the first entry off: a line that is not indented, and the lines below
// it that belong to it. The key is "" if the line has none. The values are those of a
// text or a list.
func entry(lines []string) (key string, values, rest []string) {
	key, value, ok := strings.Cut(lines[0]+" ", ": ")
	n := 1
	for n < len(lines) && belongs(lines[n]) {
		n++
	}
	below, rest := lines[1:n], lines[n:]
	if !ok || strings.HasPrefix(key, "#") {
		return "", nil, rest
	}
	value = strings.TrimSpace(value)
	switch {
	case value == "" || value[0] == '#':
		return key, items(below), rest
	case value[0] == '[':
		return key, flow(value + "\n" + strings.Join(below, "\n")), rest
	case folded(value):
		value = ""
		if len(below) > 0 {
			value = strings.TrimSpace(below[0])
		}
	}
	return key, add(nil, scalar(value)), rest
}

// belongs reports whether a line belongs to the entry above it.
func belongs(line string) bool {
	return line == "" || line[0] == ' ' || line[0] == '\t' || line[0] == '-' || line[0] == ']'
}

// folded reports whether a value announces a text on the next lines. The hub's editor
// writes long names so.
func folded(value string) bool { return value[0] == '>' || value[0] == '|' }

// items reads a list of one item a line. Items that are not texts are left out.
func items(lines []string) (list []string) {
	for i, line := range lines {
		item, ok := strings.CutPrefix(strings.TrimSpace(line), "- ")
		switch item = strings.TrimSpace(item); {
		case !ok || item == "":
		case folded(item):
			if i+1 < len(lines) {
				list = add(list, scalar(strings.TrimSpace(lines[i+1])))
			}
		default:
			list = add(list, scalar(item))
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
		list = add(list, scalar(strings.TrimSpace(item)))
	}
	return list
}

// add adds a value that is not empty to a list that is not full.
func add(list []string, value string) []string {
	if value == "" || len(list) == maxValues {
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
	case '[', '{', '&', '*', '!', '#':
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
