package launcher

import (
	"fmt"
	"path/filepath"
)

var kinds = [...]traits{
	{kind: Shortcut, render: renderShortcut, icon: true, windowed: true},
	{kind: Batch, render: renderBatch},
	{kind: Exe, render: renderExe, windowed: true},
	{kind: NSSM, render: renderNSSM, account: true},
}

// meaning is what of a file counts as changed. Of a shortcut that is what it
// starts: Windows itself writes more into it, and follows a target that has moved.
func meaning(name string, data []byte) []byte {
	if filepath.Ext(name) == ".lnk" {
		if link, err := readShortcut(data); err == nil {
			return fmt.Appendf(nil, "%q", link)
		}
	}
	return data
}
