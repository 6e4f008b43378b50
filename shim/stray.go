package shim

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/modelrun/modelrun/resolve/envdir"
)

// strayScript reports whether a command of an env would run as another env, and
// the options that its first line gives python: an env that was copied or moved
// keeps the old place in its scripts, unless it is relocatable (ours are). pip
// of a copy would change the original.
func strayScript(path string, d envdir.Dir) (options []string, stray bool) {
	if runtime.GOOS == "windows" || filepath.Dir(path) != d.Scripts() {
		return nil, false // launchers there are programs
	}
	words := interpreter(path)
	if len(words) == 0 || !filepath.IsAbs(words[0]) || !strings.HasPrefix(filepath.Base(words[0]), "python") {
		return nil, false
	}
	dir := filepath.Dir(words[0])
	if there, err := os.Stat(dir); err == nil {
		here, err := os.Stat(d.Scripts())
		if err != nil || os.SameFile(there, here) || !exists(filepath.Join(filepath.Dir(dir), "pyvenv.cfg")) {
			return nil, false // our own, or a python that is no env's: somebody wanted that one
		}
	}
	return words[1:], true
}

// interpreter is what the first line of a script names, with its options; where
// that would be too long or has a space, installers write a line for sh that
// starts it.
func interpreter(script string) []string {
	f, err := os.Open(script)
	if err != nil {
		return nil
	}
	defer f.Close()
	head := make([]byte, 4096)
	n, _ := io.ReadFull(f, head) // a short script is one, too
	first, rest, _ := bytes.Cut(head[:n], []byte("\n"))
	line, ok := strings.CutPrefix(string(first), "#!")
	if !ok {
		return nil
	}
	words := strings.Fields(line)
	second, _, _ := bytes.Cut(rest, []byte("\n"))
	if exec, ok := strings.CutPrefix(string(second), "'''exec' "); ok && len(words) == 1 && words[0] == "/bin/sh" {
		if quoted, ok := strings.CutPrefix(exec, `"`); ok {
			exec, _, _ = strings.Cut(quoted, `"`)
		} else {
			exec, _, _ = strings.Cut(exec, " ")
		}
		return []string{exec}
	}
	return words
}
