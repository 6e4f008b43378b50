//go:build !linux && !windows

package execx

import "syscall"

// killWithParent does nothing on this system. An installer that survives can only
// write into a staging folder that is never published.
func killWithParent(*syscall.SysProcAttr) {}
