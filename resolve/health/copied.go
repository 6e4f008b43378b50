package health

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/modelrun/modelrun/resolve/envdir"
)

// copied warns of an env that was copied and is not relocatable: the commands in
// it (pip, …) hold the place that they were made in, and change the original.
// One whose original is gone is none: its commands fail by themselves. (modelrun
// -- pip starts it with the right python in both cases.)
func copied(d envdir.Dir, st *site) []string {
	if st.cfg.moves {
		return nil
	}
	made := madeAt(d)
	there, err := os.Stat(filepath.Join(made, filepath.Base(d.Cfg())))
	if err != nil {
		return nil
	}
	if here, err := os.Stat(d.Cfg()); err != nil || os.SameFile(here, there) {
		return nil
	}
	return []string{fmt.Sprintf("environment %s is a copy of %s: its commands (pip, …), when a program starts them, change that one; python -m pip does not", d.Name, made)}
}

// madeAt is the folder in which a venv was made, as its activate script says;
// "" where it does not.
func madeAt(d envdir.Dir) string {
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
