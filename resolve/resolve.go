// Package resolve decides which environment a program gets. It does not know about command lines or
// terminals: it takes a [Request] and returns a [Resolution], and an [Attempt] for each strategy it asked.
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

// Request is all input of the decision. It is only data, and does not change after it is made.
type Request struct {
	Root    envdir.Root               // the root that holds the envs
	Key     envdir.Key                // the wanted key
	Base    envdir.Key                // Key without the suffix for With; equal to Key if there is none
	With    []requirement.Requirement // needs beyond the key, sorted
	Terms   requirement.Terms         // where the needs come from, and what limits them
	Exact   bool                      // the user named the key: a compatible one is not used
	Own     string                    // hash of the key's definition in [envs]; "" if the user does not define it
	Named   bool                      // a model, family or key was named or found; otherwise nothing is created
	Imports []profile.Import          // what a shared env must import
	CUDA    bool                      // torch must see a GPU
	Accel   string                    // the accelerator of the key; "" if it is not known

	Model      Model  // zero if there is none
	RootOption string // " --root DIR" if a pasted command would find another root without it
	Policy     Policy // what the chain may do
}

// Model is the model that an env is for.
type Model struct {
	ID      envdir.ID        // of its old env
	Imports []profile.Import // what its old env must import
	Name    string           // quoted for a shell, for messages
	Type    string           // the model_type of its config.json, for a warning; "" if it is not known
}

// StartModel returns the beginning of a command that starts the model.
func (r *Request) StartModel() string { return "modelrun" + r.RootOption + " -m " + r.Model.Name }

// Alternative is another key that may serve a request, with the requirements for its env.
type Alternative struct {
	Key     envdir.Key       // the other key
	Accel   string           // its accelerator
	Imports []profile.Import // what its env must import
}

// Policy restricts what the chain may do.
type Policy struct {
	NoCreate      bool          // never create an env
	NoDegraded    bool          // use no env that is not known to work
	RequireGPU    bool          // use no env that may run on the CPU
	Wait          time.Duration // how long another creator may make no progress
	CreateTimeout time.Duration // how long modelrun's own installer may make no progress
	IgnorePause   bool          // create even if the same inputs have just failed
	Update        bool          // rebuild a healthy env if its plan has changed
	Rebuild       bool          // rebuild a healthy env
	Sources       bool          // rebuild a healthy env if a package of this disk has changed
	DryRun        bool          // only look: run nothing, change nothing
}

// Resolution is the environment that the program gets.
type Resolution struct {
	Dir      envdir.Dir     // the env
	Key      envdir.Key     // the wanted key, even if another env serves it
	Strategy string         // the strategy that found the env
	Code     fault.Code     // why the env is degraded; "" if it is not
	Degraded bool           // the env is not known to work
	Reason   string         // why this env, in one line
	Verdict  health.Verdict // the result of the check
	Lease    *store.Lease   // held; nil if leases do not work here, or in a dry run
}

// Outcome is how an attempt ended.
type Outcome string

// The outcomes of an [Attempt]. They are part of the JSON output.
const (
	Taken   Outcome = "taken"
	Next    Outcome = "next"
	Stopped Outcome = "stop"
)

// Attempt is the answer of one strategy. The attempts of a request are its trace.
type Attempt struct {
	Strategy string        // the strategy that was asked
	Outcome  Outcome       // how it ended
	Code     fault.Code    // the reason code
	Reason   string        // why, in one line
	Remedy   string        // a command for the user; "" if there is none
	DryRun   bool          // a launch would do what Reason says
	Took     time.Duration // the time it took
}

// strategy is one way to get an environment. If it returns a [*Skip], the chain asks the next strategy. Any
// other error ends the chain.
type strategy interface {
	name() string
	resolve(ctx context.Context, st *state) (*Resolution, error)
}

// state is one pass through the chain: the request, and the findings of earlier strategies for later ones.
type state struct {
	req   *Request
	trace []Attempt

	sharedVerdict, oldVerdict health.Verdict // the results of the strategies shared and old
	sharedChecked             bool           // sharedVerdict is set
	unverified                *unverifiedEnv // a shared env that may work: no other one is built
	oldChecked                bool           // oldVerdict is set
	migrated                  bool           // the old env was moved away, perhaps a moment ago
	timedOut                  *fault.Error   // the other creator made no progress, so nothing is created
	createErr                 error          // the error of a creation: our own, or the one that we waited for
}

// unverifiedEnv is the wanted env or a compatible one that could not be verified. Building another one would
// not help.
type unverifiedEnv struct {
	dir     envdir.Dir
	verdict health.Verdict
}

// Chain lists the strategies in the order in which they are asked.
type Chain []strategy

// Resolve asks one strategy after another, until one returns an env. If none does, the error is a [*NoEnv]
// with every reason.
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

// record appends the attempt of s to the trace.
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

// Skip is the error of a strategy that does not apply. The chain continues.
type Skip struct {
	Code   fault.Code // the reason code
	Reason string     // why the strategy does not apply
	Err    error      // the cause; nil if no remedy is needed
	DryRun bool       // skipped only because of Policy.DryRun: a launch would do what Reason says
}

// Error returns the reason.
func (s *Skip) Error() string { return s.Reason }

// Unwrap returns the cause.
func (s *Skip) Unwrap() error { return s.Err }

// skip returns a [Skip] with a reason that needs no remedy.
func skip(format string, args ...any) *Skip {
	return &Skip{Code: fault.NoEnv, Reason: fmt.Sprintf(format, args...)}
}

// skipBecause returns a [Skip] because of err. err is reported if no other strategy helps.
func skipBecause(err error) *Skip {
	return &Skip{Code: fault.CodeOf(err), Reason: err.Error(), Err: err}
}

// NoEnv is the error if no strategy returned an env.
type NoEnv struct {
	Key      envdir.Key   // the wanted key
	Trace    []Attempt    // the attempts, each with its reason
	TimedOut *fault.Error // set when the wait for another creator timed out
}

// Error names the key without a usable env.
func (e *NoEnv) Error() string { return fmt.Sprintf("no usable environment for %s", e.Key) }

// Code returns the reason code of the creation, because the user can fix that. After a timeout it returns the
// reason code of the wait.
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
