// Package resolve decides which environment a program gets. It knows nothing
// of command lines or terminals: a [Request] goes in, a [Resolution] comes out,
// and every turn of the chain leaves a [Turn].
package resolve

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/requirement"
	"github.com/modelrun/modelrun/resolve/store"
)

// Request is everything that decides: data only. It is not changed once it is made.
type Request struct {
	Root    envdir.Root
	Key     envdir.Key                // the exact key that is wanted
	Base    envdir.Key                // Key without the part that stands for With; else the same
	With    []requirement.Requirement // needs beyond the key, sorted
	Exact   bool                      // the key was named: a compatible one will not do
	Own     bool                      // the key is described by the user's own configuration ([envs])
	Named   bool                      // a model, family or key was named or found, so that creation knows for what
	Imports []profile.Import          // what a shared env must import
	CUDA    bool                      // torch must see a GPU
	Accel   string                    // of the key; "" unknown

	Old        envdir.ID // the model's old env; "" without a model
	OldImports []profile.Import
	ModelName  string // as words for a shell, for messages
	RootOption string // " --root DIR" where a command that is pasted would find another root
	ModelType  string // of its config.json, for a warning; "" not known

	Policy Policy
}

// Alternative is another key that may serve, with what it must be checked for.
type Alternative struct {
	Key     envdir.Key
	Accel   string
	Imports []profile.Import
}

// Policy narrows the chain.
type Policy struct {
	NoCreate      bool
	NoDegraded    bool
	RequireGPU    bool          // no env that is not known to use the GPU
	Wait          time.Duration // without progress of the creator
	CreateTimeout time.Duration // without progress of our own installer
	IgnorePause   bool          // try again although the same inputs just failed
	Update        bool          // a healthy env that was built from another plan is rebuilt
	Rebuild       bool          // a healthy env is rebuilt
	Dry           bool          // look, run nothing, change nothing
}

// Resolution is the environment to use.
type Resolution struct {
	Dir      envdir.Dir
	Key      envdir.Key // the key that was wanted, also when an old env serves it
	Strategy string
	Code     fault.Code // "" when all is well: why it is degraded
	Degraded bool
	Reason   string // one line: why this one
	Verdict  health.Verdict
	Lease    *store.Lease // held; nil where leases do not work
}

// Outcome is how a strategy's turn ended.
type Outcome string

// The outcomes of a Turn; they stand in JSON.
const (
	Taken   Outcome = "taken"
	Next    Outcome = "next"
	Stopped Outcome = "stop"
)

// Turn is one line of the trace.
type Turn struct {
	Strategy string
	Outcome  Outcome
	Code     fault.Code
	Reason   string
	Remedy   string
	Would    bool // a launch would have done it
	Took     time.Duration
}

// Strategy is one way to come by an environment. An error that is a [*Skip]
// means "not me, because …"; any other stops the chain.
type Strategy interface {
	Name() string
	Resolve(ctx context.Context, w *Walk) (*Resolution, error)
}

// Walk is one walk through the chain: the request, and what earlier strategies
// found out that later ones must know.
type Walk struct {
	Req   *Request
	Trace []Turn

	shared, old health.Verdict // as the strategies of these names saw them
	sharedSeen  bool           // whether shared is set
	doubt       *doubt         // a shared env that may well be good: nothing is built beside it
	oldSeen     bool
	migrated    bool         // the old env was moved away, perhaps a moment ago
	timedOut    *fault.Error // the creator made no progress: never create
	failed      error        // a creation failed while we waited for it, or ours did
}

// doubt is an env, the exact one or a compatible one, that was passed over
// although building another would not help.
type doubt struct {
	dir     envdir.Dir
	verdict health.Verdict
}

// Chain is the strategies in the order in which they are asked.
type Chain []Strategy

// Resolve asks each strategy in turn. When none takes the request, the error
// is a [*NoEnv] that holds every reason.
func (c Chain) Resolve(ctx context.Context, req *Request) (*Resolution, []Turn, error) {
	w := &Walk{Req: req}
	for _, s := range c {
		began := time.Now()
		res, err := s.Resolve(ctx, w)
		w.note(s, err, time.Since(began))
		var skip *Skip
		switch {
		case err == nil:
			res.Strategy, res.Key = s.Name(), req.Key
			w.Trace[len(w.Trace)-1].Reason = res.Reason
			return res, w.Trace, nil
		case !errors.As(err, &skip):
			return nil, w.Trace, err
		}
	}
	return nil, w.Trace, &NoEnv{Key: req.Key, Trace: w.Trace, TimedOut: w.timedOut}
}

func (w *Walk) note(s Strategy, err error, took time.Duration) {
	t := Turn{Strategy: s.Name(), Outcome: Taken, Took: took}
	if err != nil {
		t.Outcome, t.Reason, t.Code, t.Remedy = Stopped, err.Error(), fault.CodeOf(err), fault.RemedyOf(err)
		var skip *Skip
		if errors.As(err, &skip) {
			t.Outcome, t.Code, t.Would = Next, skip.Code, skip.Would
		}
	}
	w.Trace = append(w.Trace, t)
}

// Skip says why a strategy is not the one. The chain goes on.
type Skip struct {
	Code   fault.Code
	Reason string
	Err    error
	Would  bool // only because the request looks: a launch would do what Reason says
}

func (s *Skip) Error() string { return s.Reason }

func (s *Skip) Unwrap() error { return s.Err }

func skip(format string, args ...any) *Skip {
	return &Skip{Code: fault.NoEnv, Reason: fmt.Sprintf(format, args...)}
}

// skipFor goes on although err is worth keeping: it is said when nothing else helps.
func skipFor(err error) *Skip {
	return &Skip{Code: fault.CodeOf(err), Reason: err.Error(), Err: err}
}

// NoEnv is what is left when no strategy took the request.
type NoEnv struct {
	Key      envdir.Key
	Trace    []Turn
	TimedOut *fault.Error // set when the wait for another creator is what ended it
}

func (e *NoEnv) Error() string { return fmt.Sprintf("no usable environment for %s", e.Key) }

// Code is the reason code of the turn that would have mattered most: the
// creation's, because it is the one that a user can mend.
func (e *NoEnv) Code() fault.Code {
	if e.TimedOut != nil {
		return e.TimedOut.Code
	}
	for _, t := range e.Trace {
		if t.Strategy == nameCreate && t.Code != "" {
			return t.Code
		}
	}
	return fault.NoEnv
}
