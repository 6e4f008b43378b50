package shim

import (
	"context"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/fault"
)

// ensure makes the shared env now: for images, Slurm prologs, ExecStartPre. An
// old env does not count, and the pause after a failure is ignored.
func (s *session) ensure(ctx context.Context, req *resolve.Request) error {
	want := *req
	want.Policy.IgnorePause = true
	want.Policy.Update, want.Policy.Rebuild = s.cli.Ensure.Update, s.cli.Ensure.Rebuild
	if want.Policy.Update || want.Policy.Rebuild {
		want.Exact = true // what is compatible is what one wants to leave
	}
	if !req.Named {
		return fault.New(fault.NoModel, "nothing says which model, family or key to make an environment for").
			Fix("modelrun ensure -m path/to/model   or: modelrun ensure --family transformers")
	}
	res, trace, err := resolve.Ensure(s.deps()).Resolve(ctx, &want)
	s.status.trace = trace
	s.traced(trace)
	if err != nil {
		return err
	}
	res.Lease.Release()
	s.keepHardware()
	s.log.Info("environment " + res.Dir.Name + " is ready: " + res.Dir.Python())
	return nil
}
