package execx

import "time"

// MaxDir is the longest working directory that CreateProcess accepts, in UTF-16
// units without a trailing backslash: MAX_PATH minus that backslash and the
// zero. No manifest, registry key or \\?\ prefix raises it:
// https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-setcurrentdirectory
const MaxDir = 258

// Dirs finds names of working directories in which the system can start a
// program. Only Windows needs it.
type Dirs struct {
	Links string // a short folder of the user's for junctions; may be ""
	Limit int    // 0 means MaxDir; tests use a lower one
}

// Link is a junction that [Dirs.Name] created.
type Link struct {
	Path   string    // of the junction
	Target string    // its target; "" if that cannot be read
	Used   time.Time // the last use, to the day
}
