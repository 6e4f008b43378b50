package need

import (
	"bytes"
	"io"
	"os"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// maxScript is how much of a script is searched for a metadata block, which is
// near the top.
const maxScript = 256 << 10

// ScriptMeta is the PEP 723 block of type "script" in a file.
type ScriptMeta struct {
	Path string // as it was passed to Script
	TOML []byte // the block's content without the comment signs, one "\n" per line; not validated
	Line int    // the line of "# /// script", from 1: line n of TOML is line Line+n of the file
}

// Script finds the metadata block in the first 256 KiB of the script that is
// started (https://peps.python.org/pep-0723/). found is false for a missing
// file, a pipe or a folder: Python has a better message for these.
//
// Errors are a *fault.Error, BadScript: the file cannot be read, or it has two
// such blocks, or the block is cut off after 256 KiB or has no end. According
// to the PEP a block without an end is no block. It is an error here, as in uv,
// because otherwise its requirements would be missing without a message.
func Script(path string) (meta ScriptMeta, found bool, err error) {
	info, err := os.Stat(path)
	switch {
	case isAbsent(err):
		return meta, false, nil
	case err != nil:
		return meta, false, badScript(path, err)
	case !info.Mode().IsRegular():
		return meta, false, nil // reading a pipe would consume the program's own text
	}
	f, err := os.Open(path)
	if err != nil {
		return meta, false, badScript(path, err)
	}
	defer f.Close()
	// One byte more shows whether the script ends here.
	data := make([]byte, min(info.Size(), maxScript)+1)
	n, err := io.ReadFull(f, data)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF { //nolint:errorlint // ReadFull returns them unwrapped
		return meta, false, badScript(path, err)
	}
	return scan(path, data[:n])
}

// badScript returns the error for a script that cannot be read.
func badScript(path string, err error) error {
	return fault.New(fault.BadScript, "script %s cannot be read: %w", show(path), fsys.Cause(err)).Fix("make it readable for this account")
}

// scan does the work of Script on the content of a file. Most scripts have no
// block. scan searches these once and does not split them into lines.
func scan(path string, data []byte) (ScriptMeta, bool, error) {
	meta := ScriptMeta{Path: path}
	if !bytes.Contains(data, []byte("# /// script")) {
		return meta, false, nil
	}
	lines := splitLines(data)
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
		if line := truncatedBlock(lines); line != 0 { // its requirements are not known
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

// truncatedBlock returns the line, from 1, of a block whose comment lines
// continue to the end of a text that was cut off, or 0.
func truncatedBlock(lines [][]byte) int {
	for i := len(lines) - 1; i >= 0 && isContent(lines[i]); i-- {
		if kind, ok := blockType(lines[i]); ok && kind == "script" {
			return i + 1
		}
	}
	return 0
}

// splitLines splits data into lines without "\n" or "\r\n", and removes a BOM.
// If data was cut off at maxScript, it drops the incomplete last line.
func splitLines(data []byte) [][]byte {
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

// block is a metadata block of any type.
type block struct {
	kind    string
	content []byte
	line    int
}

// blocks implements the PEP's regular expression in one pass. A block ends at
// the last "# ///" of the comment lines that follow it without a gap, and has
// at least one line. open is the line, from 1, of a block of type "script" that
// has no end, or 0.
func blocks(lines [][]byte) (all []block, open int) {
	for i := 0; i < len(lines); i++ {
		kind, ok := blockType(lines[i])
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
			i = next - 1 // no block in these lines has an end
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

// blockType returns the type in "# /// type".
func blockType(line []byte) (kind string, ok bool) {
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

// isContent reports whether a line is "#" alone, or starts with "# ".
func isContent(line []byte) bool {
	return len(line) > 0 && line[0] == '#' && (len(line) == 1 || line[1] == ' ')
}
