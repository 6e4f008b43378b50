package need

import (
	"bytes"
	"io"
	"os"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// maxScript bounds where a metadata block is looked for: it stands at the top.
const maxScript = 256 << 10

// ScriptMeta is the PEP 723 block of type "script" of one file.
type ScriptMeta struct {
	Path string // as it was given to Script
	TOML []byte // the block's content without the comment signs, one "\n" per line; not checked
	Line int    // the line of "# /// script", from 1: line n of TOML is line Line+n of the file
}

// Script finds the metadata block of the script that is being started, in its
// first 256 KiB (https://peps.python.org/pep-0723/). A file that is not there, or
// is a pipe or a folder, has none: Python says so better. Errors are a
// *fault.Error, BadScript: the file cannot be read, has two such blocks, or one
// that is cut off there or has no end. By the PEP that one is none, but then what
// it asks for would be missing without a word; uv refuses it, too.
func Script(path string) (meta ScriptMeta, found bool, err error) {
	info, err := os.Stat(path)
	switch {
	case isAbsent(err):
		return meta, false, nil
	case err != nil:
		return meta, false, badScript(path, err)
	case !info.Mode().IsRegular():
		return meta, false, nil // reading a pipe would take the program's own text away
	}
	f, err := os.Open(path)
	if err != nil {
		return meta, false, badScript(path, err)
	}
	defer f.Close()
	// One byte more tells a script that ends here from one that goes on.
	data := make([]byte, min(info.Size(), maxScript)+1)
	n, err := io.ReadFull(f, data)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF { //nolint:errorlint // ReadFull returns them bare
		return meta, false, badScript(path, err)
	}
	return scan(path, data[:n])
}

func badScript(path string, err error) error {
	return fault.New(fault.BadScript, "script %s cannot be read: %w", show(path), fsys.Cause(err)).Fix("make it readable for this account")
}

// scan is Script on the file's bytes. The common script has no block: it is
// searched once and not cut into lines.
func scan(path string, data []byte) (ScriptMeta, bool, error) {
	meta := ScriptMeta{Path: path}
	if !bytes.Contains(data, []byte("# /// script")) {
		return meta, false, nil
	}
	lines := cut(data)
	all, open := blocks(lines)
	for _, b := range all {
		if b.kind != "script" {
			continue
		}
		if meta.Line != 0 {
			return ScriptMeta{Path: path}, false, fault.New(fault.BadScript, "%s:%d: a second block of script metadata, after the one in line %d",
				show(path), b.line, meta.Line).Fix("join the two blocks into one")
		}
		meta.TOML, meta.Line = b.content, b.line
	}
	if len(data) > maxScript {
		if line := unended(lines); line != 0 { // what it asks for is not known
			return ScriptMeta{Path: path}, false, fault.New(fault.BadScript, "%s:%d: the block of script metadata goes on behind the first %d KiB",
				show(path), line, maxScript>>10).Fix("make it shorter")
		}
	}
	if meta.Line == 0 && open != 0 {
		return meta, false, fault.New(fault.BadScript, "%s:%d: the block of script metadata has no end", show(path), open).
			Fix(`begin each of its lines with "# " (an empty one is "#"), and end it with a line "# ///"`)
	}
	return meta, meta.Line != 0, nil
}

// unended is the line, from 1, of a block whose comment lines go on to the end of
// a text that was cut off; 0 there is none.
func unended(lines [][]byte) int {
	for i := len(lines) - 1; i >= 0 && isContent(lines[i]); i-- {
		if kind, ok := opening(lines[i]); ok && kind == "script" {
			return i + 1
		}
	}
	return 0
}

// cut is data in lines, without "\n" or "\r\n" and without a BOM. What follows
// the last newline of a text that was cut off at maxScript is not a line.
func cut(data []byte) [][]byte {
	whole := len(data) <= maxScript
	data = bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF"))
	lines := bytes.Split(data, []byte("\n"))
	if !whole {
		lines = lines[:len(lines)-1]
	}
	for i, line := range lines {
		lines[i] = bytes.TrimSuffix(line, []byte("\r"))
	}
	return lines
}

type block struct {
	kind    string
	content []byte
	line    int
}

// blocks follows the PEP's regular expression, in one pass: a block ends at the
// last "# ///" of the comment lines that follow it without a gap, and holds at
// least one line. open is the line, from 1, where one of type "script" begins that
// has no end; 0 there is none.
func blocks(lines [][]byte) (all []block, open int) {
	for i := 0; i < len(lines); i++ {
		kind, ok := opening(lines[i])
		if !ok {
			continue
		}
		end, next := 0, i+1
		for ; next < len(lines) && isContent(lines[next]); next++ {
			if string(lines[next]) == "# ///" {
				end = next
			}
		}
		if end < i+2 {
			if end == 0 && kind == "script" {
				open = i + 1
			}
			i = next - 1 // nothing in this run has an end
			continue
		}
		b := block{kind: kind, line: i + 1}
		for _, line := range lines[i+1 : end] {
			b.content = append(append(b.content, line[min(2, len(line)):]...), '\n')
		}
		all = append(all, b)
		i = end
	}
	return all, open
}

// opening is the type in "# /// type".
func opening(line []byte) (kind string, ok bool) {
	rest, ok := bytes.CutPrefix(line, []byte("# /// "))
	if !ok || len(rest) == 0 {
		return "", false
	}
	for _, c := range rest {
		if c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return "", false
		}
	}
	return string(rest), true
}

// isContent reports "#" alone, or "# " and anything.
func isContent(line []byte) bool {
	return len(line) > 0 && line[0] == '#' && (len(line) == 1 || line[1] == ' ')
}
