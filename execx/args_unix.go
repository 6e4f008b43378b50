//go:build !windows

package execx

import "os"

// Args is os.Args; there is no line on POSIX.
func Args() (args []string, tail func(n int) string) { return os.Args, nil } //nolint:forbidigo // here they come from
