package resolve

import (
	"context"
	"errors"
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

// The strategies' names are part of every JSON.
const (
	nameShared     = "shared"
	nameOld        = "old"
	nameWait       = "wait"
	nameCreate     = "create"
	nameLastResort = "last-resort"
)

// Checker says whether an env works; [health.Checker] is the real one.
type Checker interface {
	// Check may run the env's python.
	Check(ctx context.Context, s health.Subject) (health.Verdict, error)
	// Look never runs anything and writes nothing.
	Look(s health.Subject) (health.Verdict, error)
	// Probe runs the deep probe and remembers nothing.
	Probe(ctx context.Context, s health.Subject) (health.Verdict, error)
	// Record keeps a verdict that Probe gave, for an env that was published since.
	Record(s health.Subject, v health.Verdict) error
	// Starts reports whether the env's python starts at all.
	Starts(ctx context.Context, d envdir.Dir) error
}

// Deps are what the strategies work with.
type Deps struct {
	Store *store.Store
	Check Checker
	Log   hclog.Logger
	// UV finds or installs uv; out gets uv's full output.
	UV func(ctx context.Context, log *store.Log, beat func()) (*uv.UV, error)
	// Interruptible is asked once something that may take long begins: the
	// context ends with Ctrl-C or SIGTERM until stop is called. The launch path
	// never asks, so that the program gets its signals as we got them.
	Interruptible func(context.Context) (ctx context.Context, stop func())
	// Progress is told how far a creation is, ours or the one we wait for.
	Progress func(store.Owner)
	// Owners are those whose envs are trusted besides ours and root's.
	Owners []string
	// Version is ours, for the seal.
	Version string
	// RootFrom says why this root, for the line before the first download.
	RootFrom string
}

// interruptible runs what may take long, or must not be cut off. Ctrl-C ends
// the work's context; one that comes too late for that still stops the start.
func (d *Deps) interruptible(ctx context.Context, work func(context.Context) (*Resolution, error)) (*Resolution, error) {
	ctx, stop := d.Interruptible(ctx)
	res, err := work(ctx)
	stop()
	cause := context.Cause(ctx)
	switch {
	case !interrupted(cause), res == nil && interrupted(err): // which may say more than the cause
		return res, err
	case res == nil:
		return nil, cause
	}
	res.Lease.Release()
	return nil, fault.New(fault.CodeOf(cause), "interrupted when environment %s was ready; nothing was started", res.Dir.Name).
		Fix("run the same command again to go on")
}

// Default is the chain of a launch: this list is the one place to add a strategy.
func Default(d *Deps) Chain {
	s := shared{d}
	return Chain{s, old{d}, wait{d, s}, create{d, s}, lastResort{d}}
}

// Ensure is the chain of `modelrun ensure`: a shared env or an error.
func Ensure(d *Deps) Chain {
	s := shared{d}
	return Chain{s, wait{d, s}, create{d, s}}
}

// Trusted refuses an env that somebody else could have written, before anything
// of it is run: its folder and its venv belong to us, to root or to a trusted
// owner, and not everybody can write them.
func (d *Deps) Trusted(dir envdir.Dir) error {
	for _, path := range []string{dir.Path, dir.Venv()} {
		if err := fsys.Trusted(path, d.Owners); err != nil && !fsys.IsMissing(err) {
			return err
		}
	}
	return nil
}

// checkAll asks first, because it is cheap, whether an env has the needs beyond
// the key: nobody waits for a probe of one that will not do.
func (d *Deps) checkAll(ctx context.Context, w *Walk, dir envdir.Dir, accel string, imports []profile.Import) (health.Verdict, error) {
	if v, err := lacking(dir, w.Req.With); err != nil || v.Code != "" {
		return v, err
	}
	return d.check(ctx, w, dir, accel, imports)
}

// check asks about one env, in the way that the request allows. An env that is
// not trusted is an error: the chain stops, for nobody else may replace it.
func (d *Deps) check(ctx context.Context, w *Walk, dir envdir.Dir, accel string, imports []profile.Import) (health.Verdict, error) {
	if err := d.Trusted(dir); err != nil {
		return health.Verdict{}, unreadableEnv(dir, err)
	}
	s := health.Subject{Dir: dir, Imports: imports, CUDA: w.Req.CUDA, Accel: accel, ModelType: w.Req.ModelType}
	check := d.Check.Look
	if !w.Req.Policy.Dry {
		check = func(s health.Subject) (health.Verdict, error) { return d.Check.Check(ctx, s) }
	}
	v, err := check(s)
	return v, unreadableEnv(dir, err)
}

// unreadableEnv says what to do about an env that this account may not read.
func unreadableEnv(dir envdir.Dir, err error) error {
	if !errors.Is(err, fs.ErrPermission) || fault.CodeOf(err) != fault.Internal {
		return err
	}
	return fault.New(fault.BadRoot, "environment %s cannot be read: %w", dir.Path, err).
		Fix("have its owner make it readable for this account, or use another root: modelrun --root DIR …")
}
