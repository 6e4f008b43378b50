package shim

import (
	"fmt"
	"sync"
	"time"
)

const (
	// notifyEvery is how often the service manager hears of the same phase.
	notifyEvery = 5 * time.Second
	// notifySlack is what a message takes that we are about to send, on a busy machine.
	notifySlack = 30 * time.Second
)

// notifier asks systemd for more time while a start takes long: a first one
// downloads gigabytes, and TimeoutStartSec= is 90 s. See sd_notify(3),
// EXTEND_TIMEOUT_USEC= and STATUS=.
//
// It says no READY=1, which is the program's to say, and nothing at all on the
// healthy path. A nil one, or one without a socket, does nothing.
//
// Not guaranteed: that systemd listens. It hears ExecStartPre= only with
// NotifyAccess=exec.
type notifier struct {
	socket string        // NOTIFY_SOCKET
	silent time.Duration // how long we may say nothing before our own time limits end us
	debug  func(string)

	mu    sync.Mutex // the check of an env and a creation may speak at once
	doing string
	said  time.Time
}

// tell says what goes on: at once when doing is news, else every notifyEvery.
func (n *notifier) tell(doing, text string) {
	if n == nil || n.socket == "" {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if now := time.Now(); doing != n.doing || now.Sub(n.said) >= notifyEvery {
		n.doing, n.said = doing, now
		n.send(fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d\nSTATUS=modelrun: %s", (n.silent + notifySlack).Microseconds(), visible(text)))
	}
}

// done takes our words back, if there were any: the status is the program's now.
func (n *notifier) done() {
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

func (n *notifier) send(text string) {
	if err := sendNotify(n.socket, text); err != nil {
		n.debug("NOTIFY_SOCKET " + n.socket + ": " + err.Error())
	}
}
