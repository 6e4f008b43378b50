package terminal

import (
	"fmt"
	"sync"
	"time"
)

const (
	// notifyInterval is the minimum time between two messages about the same
	// activity.
	notifyInterval = 5 * time.Second
	// notifySlack is the time that the next message may take on a busy machine.
	notifySlack = 30 * time.Second
)

// Notifier asks systemd for more time while a start takes long: a first start
// downloads gigabytes, and TimeoutStartSec= is 90 s. See sd_notify(3),
// EXTEND_TIMEOUT_USEC= and STATUS=.
//
// It never sends READY=1, which only the program can send. On the healthy path it
// sends nothing. A nil Notifier, or one without a socket, does nothing.
//
// Not guaranteed: that systemd listens. From ExecStartPre= it accepts messages only
// with NotifyAccess=exec.
type Notifier struct {
	socket string
	silent time.Duration
	debug  func(string)

	mu    sync.Mutex // the check of an env and a creation may report at the same time
	doing string     // the activity of the last message; "" if there is none or it was cleared
	sent  time.Time
}

// NewNotifier returns a Notifier for the socket that NOTIFY_SOCKET names, or "" for
// none. Our own time limits end a start that reports nothing for the time silent.
// debug receives the errors.
func NewNotifier(socket string, silent time.Duration, debug func(string)) *Notifier {
	return &Notifier{socket: socket, silent: silent, debug: debug}
}

// Tell sends text as the status, and asks for more time. It sends a new activity at
// once, but the same one only every 5 s.
func (n *Notifier) Tell(doing, text string) {
	if n == nil || n.socket == "" {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if now := time.Now(); doing != n.doing || now.Sub(n.sent) >= notifyInterval {
		n.doing, n.sent = doing, now
		n.send(fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d\nSTATUS=modelrun: %s", (n.silent + notifySlack).Microseconds(), Visible(text)))
	}
}

// Done clears the status if Tell has set one, because from now on the status is the
// program's.
func (n *Notifier) Done() {
	if n == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.doing != "" {
		n.doing = ""
		n.send("STATUS=")
	}
}

func (n *Notifier) send(text string) {
	if err := sendNotify(n.socket, text); err != nil {
		n.debug("NOTIFY_SOCKET " + n.socket + ": " + err.Error())
	}
}
