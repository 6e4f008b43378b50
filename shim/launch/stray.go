package launch

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// strayScript reports whether a script of the environment d would run with another
// environment's python. It also returns the options for python in the script's
// first line.
//
// An environment that was copied or moved keeps the old path in its scripts, unless
// it is relocatable (modelrun's are). The pip of a copy would change the original.
// On Windows these commands are programs, and never stray.
func strayScript(path string, d envdir.Dir) (options []string, stray bool) {
	if runtime.GOOS == "windows" || filepath.Dir(path) != d.Scripts() {
		return nil, false
	}
	words := interpreter(path)
	if len(words) == 0 || !filepath.IsAbs(words[0]) || !strings.HasPrefix(filepath.Base(words[0]), "python") {
		return nil, false
	}
	dir := filepath.Dir(words[0])
	if there, err := os.Stat(dir); err == nil {
		here, err := os.Stat(d.Scripts())
		if err != nil || os.SameFile(there, here) || !fsys.Exists(filepath.Join(filepath.Dir(dir), "pyvenv.cfg")) {
			return nil, false // this environment's own python, or one outside any environment, which is intended
		}
	}
	return words[1:], true
}

// interpreter returns the interpreter that the first line of a script names, with
// its options. If that line would be too long or has a space, installers write a
// line for sh that starts the interpreter. In that case interpreter returns the
// interpreter, not sh.
func interpreter(script string) []string {
	f, err := os.Open(script)
	if err != nil {
		return nil
	}
	defer f.Close()
	head := make([]byte, 4096)
	n, _ := io.ReadFull(f, head) // a short script gives an error, but is still read
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
