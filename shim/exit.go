package shim

import "github.com/modelrun/modelrun/resolve/fault"

// Exit codes of modelrun itself. A program's exit code is passed on unchanged.
const (
	exitOK          = 0
	exitTimeLimit   = 124 // as in timeout(1)
	exitOurs        = 125 // no env, bad configuration, bad usage; as in docker run
	exitCannotStart = 126
	exitNotFound    = 127
	exitInterrupt   = 130
	exitTerminate   = 143
)

// exitFor returns the exit code for a reason code. It is the only table of exit
// codes.
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
