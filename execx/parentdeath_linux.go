package execx

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// killWithParent makes the kernel kill the child when this process is killed.
func killWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }

// awaitExit waits until the child has ended, but does not reap it: until then
// no other process can get its pid. It returns false if it cannot wait this
// way.
func awaitExit(pid int) bool {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return err == nil
		}
	}
}
