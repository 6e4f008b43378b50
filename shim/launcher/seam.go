package launcher

import (
	"io/fs"

	"github.com/modelrun/modelrun/resolve/fault"
)

// File is one file of a launcher.
type File struct {
	Name string
	Data []byte
	Mode fs.FileMode
	Copy string // copy this file instead of Data
}

// Render makes the files of a launcher.
func Render(s Spec) ([]File, error) {
	switch s.Kind {
	case Shortcut:
		return renderShortcut(s)
	case Batch:
		return renderBatch(s)
	case Exe:
		return renderExe(s)
	case NSSM:
		return renderNSSM(s)
	}
	return nil, fault.New(fault.BadUsage, "launcher kind %q is unknown", s.Kind)
}
