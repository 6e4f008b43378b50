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
	IgnorePause   bool          // tryEnv again although the same inputs just failed
	Update        bool          // a healthy env that was built from another plan is rebuilt
	Rebuild       bool          // a healthy env is rebuilt
	DryRun        bool          // look, run nothing, change nothing
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

// Attempt is one line of the trace.
type Attempt struct {
	Strategy string
	Outcome  Outcome
	Code     fault.Code
	Reason   string
	Remedy   string
	DryRun   bool // a launch would have done it
	Took     time.Duration
}

// strategy is one way to come by an environment. An error that is a [*Skip]
// means "not me, because …"; any other stops the chain.
type strategy interface {
	name() string
	resolve(ctx context.Context, st *state) (*Resolution, error)
}

// state is one walk through the chain: the request, and what earlier strategies
// found out that later ones must know.
type state struct {
	req   *Request
	trace []Attempt

	sharedVerdict, oldVerdict health.Verdict // as the strategies of these names saw them
	sharedChecked             bool           // whether shared is set
	unverified                *unverifiedEnv // a shared env that may well be good: nothing is built beside it
	oldChecked                bool
	migrated                  bool         // the old env was moved away, perhaps a moment ago
	timedOut                  *fault.Error // the creator made no progress: never create
	createErr                 error        // a creation failed while we waited for it, or ours did
}

// unverifiedEnv is an env, the exact one or a compatible one, that was passed over
// although building another would not help.
type unverifiedEnv struct {
	dir     envdir.Dir
	verdict health.Verdict
}

// Chain is the strategies in the order in which they are asked.
type Chain []strategy

// Resolve asks each strategy in turn. When none takes the request, the error
// is a [*NoEnv] that holds every reason.
func (c Chain) Resolve(ctx context.Context, req *Request) (*Resolution, []Attempt, error) {
	st := &state{req: req}
	for _, s := range c {
		began := time.Now()
		res, err := s.resolve(ctx, st)
		st.record(s, err, time.Since(began))
		var skip *Skip
		switch {
		case err == nil:
			res.Strategy, res.Key = s.name(), req.Key
			st.trace[len(st.trace)-1].Reason = res.Reason
			return res, st.trace, nil
		case !errors.As(err, &skip):
			return nil, st.trace, err
		}
	}
	return nil, st.trace, &NoEnv{Key: req.Key, Trace: st.trace, TimedOut: st.timedOut}
}

func (st *state) record(s strategy, err error, took time.Duration) {
	a := Attempt{Strategy: s.name(), Outcome: Taken, Took: took}
	if err != nil {
		a.Outcome, a.Reason, a.Code, a.Remedy = Stopped, err.Error(), fault.CodeOf(err), fault.RemedyOf(err)
		var skip *Skip
		if errors.As(err, &skip) {
			a.Outcome, a.Code, a.DryRun = Next, skip.Code, skip.DryRun
		}
	}
	st.trace = append(st.trace, a)
}

// Skip says why a strategy is not the one. The chain goes on.
type Skip struct {
	Code   fault.Code
	Reason string
	Err    error
	DryRun bool // only because the request looks: a launch would do what Reason says
}

func (s *Skip) Error() string { return s.Reason }

func (s *Skip) Unwrap() error { return s.Err }

func skip(format string, args ...any) *Skip {
	return &Skip{Code: fault.NoEnv, Reason: fmt.Sprintf(format, args...)}
}

// skipBecause goes on although err is worth keeping: it is said when nothing else helps.
func skipBecause(err error) *Skip {
	return &Skip{Code: fault.CodeOf(err), Reason: err.Error(), Err: err}
}

// NoEnv is what is left when no strategy took the request.
type NoEnv struct {
	Key      envdir.Key
	Trace    []Attempt
	TimedOut *fault.Error // set when the wait for another creator is what ended it
}

func (e *NoEnv) Error() string { return fmt.Sprintf("no usable environment for %s", e.Key) }

// Code is the reason code of the turn that would have mattered most: the
// creation's, because it is the one that a user can mend.
func (e *NoEnv) Code() fault.Code {
	if e.TimedOut != nil {
		return e.TimedOut.Code
	}
	for _, a := range e.Trace {
		if a.Strategy == nameCreate && a.Code != "" {
			return a.Code
		}
	}
	return fault.NoEnv
}
