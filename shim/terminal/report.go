package terminal

import (
	"cmp"
	"errors"
	"io/fs"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/fault"
)

// Rules for the text of an error: one line with the failure ("error: …"), then a
// command to paste ("hint: …"). Both are in lower case, without a full stop. The
// text names the file, the variable and the value. The error's code follows in
// brackets. All of it goes to stderr.

// Report writes an error, with its hint, to the log and the status file, and
// returns its code.
func (u *UI) Report(err error) fault.Code {
	err = u.stdoutFault(err)
	code := fault.CodeOf(err)
	var none *resolve.NoEnv
	if errors.As(err, &none) {
		code = none.Code()
	}
	u.Log.Error("error: "+err.Error(), "code", code)
	if none != nil {
		u.reasons(none.Trace)
	} else {
		u.Log.Error("hint: " + cmp.Or(fault.RemedyOf(err), "modelrun doctor   # when it finds nothing: report this text"))
	}
	u.Console.Fail(u.Logged)
	u.Status.Failed(code, err)
	return code
}

// reasons writes why each strategy failed.
func (u *UI) reasons(trace []resolve.Attempt) {
	for _, t := range trace {
		u.Log.Error("  " + t.Strategy + ": " + t.Reason)
		if t.Remedy != "" {
			u.Log.Error("    hint: " + t.Remedy)
		}
	}
}

// stdoutFault explains an error from writing to stdout. It returns other errors
// unchanged.
func (u *UI) stdoutFault(err error) error {
	var write *fs.PathError
	if errors.As(err, &write) && write.Op == "write" && u.Stdout != nil && write.Path == u.Stdout.Name() {
		return fault.New(fault.NotWritable, "standard output cannot be written: %w", write.Err).Fix("send it to another place")
	}
	return err
}
