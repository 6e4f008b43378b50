package launcher

import (
	"fmt"
	"path/filepath"
)

// kinds holds the kinds of this system; the first is the default.
var kinds = [...]traits{
	{kind: Shortcut, render: renderShortcut, icon: true, windowed: true},
	{kind: Batch, render: renderBatch},
	{kind: Exe, render: renderExe, windowed: true},
	{kind: NSSM, render: renderNSSM, account: true},
}

// significant returns the part of a file whose change matters. For a shortcut this
// is the target, arguments, folder and icon: Windows itself adds data, and updates
// a target that has moved.
func significant(name string, data []byte) []byte {
	if filepath.Ext(name) == ".lnk" {
		if link, err := readShortcut(data); err == nil {
			return fmt.Appendf(nil, "%q", link)
		}
	}
	return data
}
