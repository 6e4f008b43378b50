//go:build !windows

package terminal

import "golang.org/x/sys/unix"

// sendNotify sends one datagram to a Unix socket: a path, or @name for an abstract
// socket. It never blocks. Package net would add a network stack to every launch.
func sendNotify(socket, text string) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }() // nothing is buffered
	unix.CloseOnExec(fd)
	return unix.Sendto(fd, []byte(text), unix.MSG_DONTWAIT, &unix.SockaddrUnix{Name: socket})
}
