package resolve

import (
	"unicode/utf16"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
)

// The length of the longest path below site-packages, in characters. The values are fixed, because the
// content of a wheel is not known before it is downloaded.
const (
	torchDepth   = 130 // headers of torch: https://github.com/python/cpython/issues/126929
	otherDepth   = 101 // transformers 4.57.3 (measured), the deepest of the others
	libraryDepth = 60  // torch\lib\*.dll and every .pyd
)

// limits holds the lengths of the longest paths that python opens and imports. If file is 0, there are no
// limits.
type limits struct{ file, library int }

// Depth returns an error if files of an env in root would get paths that are too long for python on this
// system.
func Depth(root envdir.Root, key envdir.Key, torch bool) error {
	return checkDepth(root.Staging(key, "01234567"), torch, pathLimits())
}

// checkDepth returns an error if files of an env would get paths that python cannot open. It runs before
// anything is downloaded. staging is the env in its staging folder, where its paths are longest and its
// imports are probed.
func checkDepth(staging envdir.Dir, torch bool, allowed limits) error {
	if allowed.file == 0 {
		return nil
	}
	depth := otherDepth
	if torch {
		depth = torchDepth
	}
	prefix := len(utf16.Encode([]rune(staging.SitePackages("")))) + 1
	tooLong := func(length, limit int, remedy string, args ...any) error {
		return fault.New(fault.BadRoot, "files of the new environment would have names of about %d characters, python takes %d here: %s",
			length, limit, staging.SitePackages("")).Fix(remedy, args...)
	}
	if length := prefix + libraryDepth; length > allowed.library {
		return tooLong(length, allowed.library, "use a root that is %d characters shorter: modelrun --root DIR -- …", length-allowed.library)
	}
	if length := prefix + depth; length > allowed.file {
		return tooLong(length, allowed.file, "either use a root that is %d characters shorter: modelrun --root DIR -- …; or let Windows take long names "+
			`(as administrator, once): reg add HKLM\SYSTEM\CurrentControlSet\Control\FileSystem /v LongPathsEnabled /t REG_DWORD /d 1 /f`, length-allowed.file)
	}
	return nil
}
