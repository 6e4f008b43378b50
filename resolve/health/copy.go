package health

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/modelrun/modelrun/resolve/envdir"
)

// copyWarning warns about an env that was copied and is not relocatable. Its
// scripts (pip, …) contain the path of the original and change the original.
// There is no warning if the original is gone: then the scripts fail by
// themselves. (modelrun -- pip uses the right python in both cases.)
func copyWarning(d envdir.Dir, st *site) []string {
	if st.cfg.relocatable {
		return nil
	}
	made := originalPath(d)
	there, err := os.Stat(filepath.Join(made, filepath.Base(d.Cfg())))
	if err != nil {
		return nil
	}
	if here, err := os.Stat(d.Cfg()); err != nil || os.SameFile(here, there) {
		return nil
	}
	return []string{fmt.Sprintf("environment %s is a copy of %s: its commands (pip, …), when a program starts them, change that one; python -m pip does not", d.Name, made)}
}

// originalPath returns the folder in which a venv was created, according to its
// activate script, or "".
func originalPath(d envdir.Dir) string {
	data, err := readLimited(filepath.Join(d.Scripts(), "activate"), 64<<10)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		value, ok := strings.CutPrefix(strings.TrimPrefix(strings.TrimSpace(line), "export "), "VIRTUAL_ENV=")
		if value = strings.Trim(value, `'"`); ok && filepath.IsAbs(value) {
			return value
		}
	}
	return ""
}
