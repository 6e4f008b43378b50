package execx

import "time"

// MaxDir is the longest working directory that CreateProcess accepts, in
// UTF-16 units without a closing backslash: MAX_PATH less that backslash and
// the zero. No manifest, registry key or \\?\ lifts it:
// https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-setcurrentdirectory
const MaxDir = 258

// Dirs gives working directories names that the system can start a program in.
// Only Windows needs it.
type Dirs struct {
	Links string // a short folder of the user's for junctions; "" none
	Limit int    // 0: MaxDir; tests lower it
}

// Link is a junction that [Dirs.Name] made.
type Link struct {
	Path   string
	Target string    // where it leads; "" it cannot be read
	Used   time.Time // the last use, to a day
}
