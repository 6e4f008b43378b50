package manifest

import (
	"bytes"
	"slices"
	"strings"
)

// values has the scalars of a YAML file by the keys that lead to them, joined by
// dots: those of a list under the key of the list.
type values struct {
	at  map[string][]string
	odd []string // keys whose value is written in a way that is not read
}

// first returns the one scalar at a key, or "".
func (v values) first(key string) string {
	if all := v.at[key]; len(all) == 1 {
		return all[0]
	}
	return ""
}

// level is an open map: the column of its key, and the keys down to it.
type level struct {
	indent int
	key    string
}

// reader reads a YAML file line by line.
type reader struct {
	values
	open []level
	skip int // lines that are indented deeper belong to a value that is not read; -1: none
}

// parseYAML reads the part of YAML that people write manifests in: maps, lists and
// scalars of one line, nested by indentation, and lists in brackets. It never fails.
// Anchors, blocks of text, maps in braces and scalars of several lines are odd.
func parseYAML(data []byte) values {
	r := reader{values: values{at: map[string][]string{}}, skip: -1}
	data = bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF"))
	lines := strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		text := strings.TrimLeft(lines[i], " ")
		indent := len(lines[i]) - len(text)
		if r.skip >= 0 && (indent > r.skip || strings.TrimSpace(text) == "") {
			continue
		}
		r.skip = -1
		for n := 0; n < maxJoined && i+1 < len(lines) && isOpen(text); n++ {
			i++
			text = uncommented(text) + " " + uncommented(lines[i])
		}
		r.line(indent, strings.TrimRight(text, " \t"))
	}
	return r.values
}

// maxJoined limits the lines of a list in brackets.
const maxJoined = 200

// isOpen reports whether a list in brackets goes on in the next line.
func isOpen(text string) bool {
	_, value, ok := keyOf(strings.TrimPrefix(text, "- "))
	return ok && strings.HasPrefix(value, "[") && !strings.HasSuffix(uncommented(value), "]")
}

// line reads one line without its indentation.
func (r *reader) line(indent int, text string) {
	switch {
	case text == "" || text[0] == '#' || text == "---" || text == "...":
		return
	case text == "-" || strings.HasPrefix(text, "- "):
		r.close(indent, true)
		for text == "-" || strings.HasPrefix(text, "- ") { // "- - x" is a list in a list
			rest := strings.TrimLeft(text[1:], " ")
			indent += len(text) - len(rest)
			text = rest
		}
	default:
		r.close(indent, false)
		if _, _, ok := keyOf(text); !ok {
			r.mark(r.path())
			return
		}
	}
	key, value, ok := keyOf(text)
	if !ok {
		r.value(r.path(), text, indent-1)
		return
	}
	r.open = append(r.open, level{indent, key})
	r.value(r.path(), value, indent)
}

// close closes the maps that a line with this indentation is not in. A list may be
// indented as its key is.
func (r *reader) close(indent int, list bool) {
	for len(r.open) > 0 {
		if top := r.open[len(r.open)-1].indent; top < indent || list && top == indent {
			return
		}
		r.open = r.open[:len(r.open)-1]
	}
}

// path returns the open keys.
func (r *reader) path() string {
	keys := make([]string, len(r.open))
	for i, l := range r.open {
		keys[i] = l.key
	}
	return strings.Join(keys, ".")
}

// mark records a key whose value is not read.
func (r *reader) mark(key string) {
	if !slices.Contains(r.odd, key) {
		r.odd = append(r.odd, key)
	}
}

// value records the value of a key, or of an item of its list.
func (r *reader) value(key, text string, indent int) {
	text = uncommented(text)
	switch {
	case text == "" || text == "null" || text == "~" || text == "[]" || text == "{}":
		return
	case text[0] == '[' && text[len(text)-1] == ']':
		for text = text[1 : len(text)-1]; text != ""; {
			item, rest := text, ""
			if i := outside(text, ','); i >= 0 {
				item, rest = text[:i], text[i+1:]
			}
			if s, ok := scalar(strings.TrimSpace(item)); ok {
				r.at[key] = append(r.at[key], s)
			} else if strings.TrimSpace(item) != "" {
				r.mark(key)
			}
			text = strings.TrimSpace(rest)
		}
		return
	}
	if s, ok := scalar(text); ok {
		r.at[key] = append(r.at[key], s)
		return
	}
	r.mark(key)
	r.skip = max(indent, 0)
}

// keyOf splits "key: value".
func keyOf(text string) (key, value string, ok bool) {
	i := outside(text, ':')
	if i <= 0 || i+1 < len(text) && text[i+1] != ' ' {
		return "", "", false
	}
	key, ok = scalar(strings.TrimSpace(text[:i]))
	return key, strings.TrimSpace(text[i+1:]), ok && !strings.ContainsAny(key, " .")
}

// scalar returns the text of a scalar of one line, quoted or not.
func scalar(text string) (string, bool) {
	if text == "" || strings.ContainsRune("&*!|>{}[]%@`", rune(text[0])) {
		return "", false
	}
	quote := text[0]
	if quote != '"' && quote != '\'' {
		return text, true
	}
	inner := text[1:]
	if len(inner) == 0 || inner[len(inner)-1] != quote || strings.ContainsAny(inner[:len(inner)-1], `\`+string(quote)) {
		return "", false // also one with escaped characters
	}
	return inner[:len(inner)-1], true
}

// uncommented returns a text without the comment after it.
func uncommented(text string) string {
	for from := 0; ; {
		i := outside(text[from:], '#')
		if i < 0 {
			return strings.TrimSpace(text)
		}
		if i += from; i == 0 || text[i-1] == ' ' || text[i-1] == '\t' {
			return strings.TrimSpace(text[:i])
		}
		from = i + 1
	}
}

// outside returns the place of a character outside of quotes, or -1. A quote counts
// where a scalar begins.
func outside(text string, char byte) int {
	var quote byte
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case (c == '"' || c == '\'') && (i == 0 || strings.IndexByte(" ,[", text[i-1]) >= 0):
			quote = c
		case c == char:
			return i
		}
	}
	return -1
}
