package shim

import (
	"cmp"
	"errors"
	"io/fs"

	"github.com/hashicorp/go-hclog"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/fault"
)

// Rules for what a user reads: one line of what happened ("error: …"), then
// what to do as a command that can be pasted ("hint: …"); lower case, no full
// stop; it names the file, the variable, the value; its code at the end, in
// brackets; all of it on stderr.

// report says what went wrong and returns the exit code.
func (s *session) report(err error) int {
	log := hclog.Logger(s.log)
	if s.log == nil { // the settings themselves were wrong
		l, _, e := newLog(defaults(""), s.stderr, s.env)
		if e != nil {
			return exitOurs
		}
		log = l
	}
	var write *fs.PathError
	if errors.As(err, &write) && write.Op == "write" && s.inv.Stdout != nil && write.Path == s.inv.Stdout.Name() {
		err = fault.New(fault.NotWritable, "standard output cannot be written: %w", write.Err).Fix("send it to another place")
	}
	code := fault.CodeOf(err)
	var none *resolve.NoEnv
	if errors.As(err, &none) {
		code = none.Code()
	}
	log.Error("error: "+err.Error(), "code", code)
	if none != nil {
		for _, t := range none.Trace {
			log.Error("  " + t.Strategy + ": " + t.Reason)
			if t.Remedy != "" {
				log.Error("    hint: " + t.Remedy)
			}
		}
	} else {
		log.Error("hint: " + cmp.Or(fault.RemedyOf(err), "modelrun doctor   # when it finds nothing: report this text"))
	}
	s.console.fail(s.set != nil && s.set.get(sLogFile) != "")
	s.status.failed(code, err)
	return exitFor(code)
}
