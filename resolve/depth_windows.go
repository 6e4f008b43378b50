package resolve

import (
	"math"

	"golang.org/x/sys/windows/registry"
)

// pathLimits returns MAX_PATH without its terminating zero. If the administrator has lifted that limit,
// python opens longer paths, but still loads no library from one:
// https://learn.microsoft.com/windows/win32/fileio/maximum-file-path-limitation
// https://github.com/python/cpython/issues/126929
//
// It reads the registry, because a trial would prove nothing: Go's runtime lifts the limit for itself.
func pathLimits() limits {
	limit := limits{file: 259, library: 250}
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, `SYSTEM\CurrentControlSet\Control\FileSystem`, registry.QUERY_VALUE)
	if err != nil {
		return limit
	}
	defer func() { _ = key.Close() }()
	if on, _, err := key.GetIntegerValue("LongPathsEnabled"); err == nil && on == 1 {
		limit.file = math.MaxInt
	}
	return limit
}
