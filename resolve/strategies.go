package resolve

import (
	"context"
	"errors"
	"io"
	"io/fs"

	"github.com/hashicorp/go-hclog"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/store"
	"github.com/modelrun/modelrun/resolve/uv"
)

// The names of the strategies. They are part of the JSON output.
const (
	nameShared     = "shared"
	nameOld        = "old"
	nameWait       = "wait"
	nameCreate     = "create"
	nameLastResort = "last-resort"
)

// Checker decides whether an env works. [health.Checker] implements it.
type Checker interface {
	// Check checks an env. It may run the env's python.
	Check(ctx context.Context, s health.Subject) (health.Verdict, error)
	// Look checks an env as far as possible without running or writing anything.
	Look(s health.Subject) (health.Verdict, error)
	// Probe runs the deep probe and stores nothing.
	Probe(ctx context.Context, s health.Subject) (health.Verdict, error)
	// Record stores a verdict of Probe for an env that has been published since.
	Record(s health.Subject, v health.Verdict) error
	// Starts reports whether the env's python starts at all.
	Starts(ctx context.Context, d envdir.Dir) error
}

// Caller is what the chain needs from the program that runs it.
type Caller interface {
	// Plan returns what creation would install for req. The chain calls it only to create an env, or to
	// compare a published env with its plan.
	Plan(ctx context.Context, req *Request) (profile.Plan, error)
	// Compatible lists the existing keys that may serve req instead of its own, best first.
	Compatible(ctx context.Context, req *Request, have []envdir.Key) []Alternative
	// UV finds or installs uv. uv's full output goes to log. heartbeat is called at every sign of life.
	UV(ctx context.Context, log io.Writer, heartbeat func()) (*uv.UV, error)
	// Serves returns why a version of torch cannot run on this machine's GPUs with the accelerator of a plan.
	Serves(ctx context.Context, p profile.Plan, torch string) error
	// Interruptible returns a context that Ctrl-C or SIGTERM cancels until stop is called. The launch path
	// never calls it, so that the program inherits signals as modelrun got them.
	Interruptible(ctx context.Context) (interruptible context.Context, stop func())
	// Progress reports the progress of a creation: our own, or the one that we wait for.
	Progress(owner store.Owner)
	// Checking reports a check that takes longer than a second.
	Checking(line string)
}

// Deps are the objects and settings that the strategies share.
type Deps struct {
	Store *store.Store // the root's store
	Check Checker      // checks envs
	Log   hclog.Logger // never nil
	// Caller is the program that runs the chain.
	Caller Caller
	// Owners are further trusted owners of envs, in addition to the current user and root.
	Owners []string
	// Version is modelrun's version, for the seal.
	Version string
	// RootFrom says where the root comes from, for the log line before the first download.
	RootFrom string
}

// interruptible runs work that may take long or must not be cut short. Ctrl-C cancels the context of the
// work. If the work is done by then, Ctrl-C still prevents the start of the program.
func (d *Deps) interruptible(ctx context.Context, work func(context.Context) (*Resolution, error)) (*Resolution, error) {
	ctx, stop := d.Caller.Interruptible(ctx)
	res, err := work(ctx)
	stop()
	cause := context.Cause(ctx)
	switch {
	case !interrupted(cause), res == nil && interrupted(err): // err may say more than the cause
		return res, err
	case res == nil:
		return nil, cause
	}
	res.Lease.Release()
	return nil, fault.New(fault.CodeOf(cause), "interrupted when environment %s was ready; nothing was started", res.Dir.Name).
		Fix("run the same command again to go on")
}

// Default returns the chain of a launch. A new strategy must be added to this list.
func Default(d *Deps) Chain {
	s := shared{d}
	return Chain{s, old{d}, wait{d, s}, create{d, s}, lastResort{d}}
}

// Ensure returns the chain of `modelrun ensure`, which ends with a shared env or an error.
func Ensure(d *Deps) Chain {
	s := shared{d}
	return Chain{s, wait{d, s}, create{d, s}}
}

// Trusted returns an error for an env that another user could have written. It is called before anything of
// the env is run. The env's folder and its venv must belong to the current user, to root or to a trusted
// owner, and other users must not be able to write to them.
func (d *Deps) Trusted(dir envdir.Dir) error {
	for _, path := range []string{dir.Path, dir.Venv()} {
		if err := fsys.Trusted(path, d.Owners); err != nil && !fsys.IsMissing(err) {
			return err
		}
	}
	return nil
}

// checkWithNeeds is like check, for an env that must also have the needs beyond the key. It checks these
// first, because that is cheap and may save a probe.
func (d *Deps) checkWithNeeds(ctx context.Context, st *state, dir envdir.Dir, accel string, imports []profile.Import) (health.Verdict, error) {
	if v, err := st.req.checkNeeds(dir); err != nil || v.Code != "" {
		return v, err
	}
	return d.check(ctx, st, dir, accel, imports)
}

// check checks one env as far as the request allows. An untrusted env is an error and ends the chain, because
// no strategy may replace it.
func (d *Deps) check(ctx context.Context, st *state, dir envdir.Dir, accel string, imports []profile.Import) (health.Verdict, error) {
	if err := d.Trusted(dir); err != nil {
		return health.Verdict{}, unreadableEnv(dir, err)
	}
	s := health.Subject{Dir: dir, Imports: imports, CUDA: st.req.CUDA, Accel: accel, ModelType: st.req.Model.Type, Start: st.req.StartModel()}
	check := d.Check.Look
	if !st.req.Policy.DryRun {
		check = func(s health.Subject) (health.Verdict, error) { return d.Check.Check(ctx, s) }
	}
	v, err := check(s)
	return v, unreadableEnv(dir, err)
}

// unreadableEnv adds a remedy to the error for an env that this account cannot read.
func unreadableEnv(dir envdir.Dir, err error) error {
	if !errors.Is(err, fs.ErrPermission) || fault.CodeOf(err) != fault.Internal {
		return err
	}
	return fault.New(fault.BadRoot, "environment %s cannot be read: %w", dir.Path, err).
		Fix("have its owner make it readable for this account, or use another root: modelrun --root DIR …")
}
