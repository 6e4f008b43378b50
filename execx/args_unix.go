//go:build !windows

package execx

import "os"

// Args returns os.Args. On POSIX there is no command line as text, so tail is
// nil.
func Args() (args []string, tail func(n int) string) { return os.Args, nil } //nolint:forbidigo // this is the source of the arguments
