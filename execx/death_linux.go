package execx

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// dieWithUs has the kernel kill the child when we are killed.
func dieWithUs(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }

// awaitExit waits until the child has ended and leaves it to be reaped: until
// then its pid is nobody else's. false: we cannot wait like this.
func awaitExit(pid int) bool {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return err == nil
		}
	}
}
