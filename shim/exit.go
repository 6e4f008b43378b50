package shim

import "github.com/modelrun/modelrun/resolve/fault"

// Exit codes of our own; a program's code goes through untouched.
const (
	exitOK          = 0
	exitTimeLimit   = 124 // as timeout(1)
	exitOurs        = 125 // no env, bad configuration, bad usage; as docker run
	exitCannotStart = 126
	exitNotFound    = 127
	exitInterrupt   = 130
	exitTerminate   = 143
)

// exitFor is the one table from reason codes to exit codes.
func exitFor(code fault.Code) int {
	switch code {
	case fault.WaitTimeout, fault.CreateTimeout:
		return exitTimeLimit
	case fault.CannotStart:
		return exitCannotStart
	case fault.NotFound:
		return exitNotFound
	case fault.Interrupted:
		return exitInterrupt
	case fault.Terminated:
		return exitTerminate
	default:
		return exitOurs
	}
}
