package execx

import "syscall"

// dieWithUs has the kernel kill the child when we are killed.
func dieWithUs(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
