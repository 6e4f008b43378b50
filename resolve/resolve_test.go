package resolve

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/store"
	"github.com/modelrun/modelrun/resolve/uv"
)

// checker returns one verdict for each kind of env.
type checker struct {
	verdicts map[envdir.Kind]health.Verdict
	checkErr error // the error of Check and Look, such as a disk error
	noStart  bool  // the env's python does not start
}

func (c checker) Check(_ context.Context, s health.Subject) (health.Verdict, error) {
	return c.verdicts[s.Dir.Kind], c.checkErr
}
func (c checker) Look(s health.Subject) (health.Verdict, error) {
	return c.verdicts[s.Dir.Kind], c.checkErr
}
func (c checker) Probe(context.Context, health.Subject) (health.Verdict, error) {
	return health.Verdict{}, errors.New("no env is built in these tests")
}
func (checker) Record(health.Subject, health.Verdict) error { return nil }
func (c checker) Starts(context.Context, envdir.Dir) error {
	if c.noStart {
		return errors.New("it does not start")
	}
	return nil
}

var (
	healthy    = health.Verdict{State: health.Healthy, Code: health.CodeHealthy}
	broken     = health.Verdict{State: health.Broken, Code: health.CodeImport, Reason: "cannot import torch"}
	busy       = health.Verdict{State: health.Unknown, Code: health.CodeBusy, Reason: "the GPU is busy"}
	sealedBusy = health.Verdict{State: health.Unknown, Code: health.CodeBusy, Reason: "the GPU is busy", Sealed: true}
)

// TestChain checks the rules of the chain, without a real env.
func TestChain(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		shared, old health.Verdict // a zero verdict means that the env does not exist
		policy      Policy
		noStart     bool
		unnamed     bool

		want     string // the strategy; "" if none returns an env
		degraded bool
		code     fault.Code // of the error, if none does
		create   bool       // a creation starts
	}{
		"a healthy shared env wins":                   {shared: healthy, old: healthy, want: nameShared},
		"a broken shared env and a healthy old one":   {shared: broken, old: healthy, want: nameOld},
		"no shared env and a healthy old one":         {old: healthy, want: nameOld},
		"no env: one is created":                      {create: true, code: fault.NoUV},
		"creation fails, an old env starts":           {old: broken, create: true, want: nameLastResort, degraded: true},
		"creation fails, the old env does not start":  {old: broken, noStart: true, create: true, code: fault.NoUV},
		"--no-degraded forbids the last resort":       {old: broken, policy: Policy{NoDegraded: true}, create: true, code: fault.NoUV},
		"--no-create goes to the last resort":         {old: broken, policy: Policy{NoCreate: true}, want: nameLastResort, degraded: true},
		"unknown with our seal is used":               {shared: sealedBusy, want: nameShared},
		"unknown without a seal: nothing is created":  {shared: busy, want: nameLastResort, degraded: true},
		"an unknown shared env and a healthy old one": {shared: busy, old: healthy, want: nameOld},
		"an unknown old env: nothing is created":      {old: busy, want: nameLastResort, degraded: true},
		"a broken shared env, an unknown old one":     {shared: broken, old: busy, want: nameLastResort, degraded: true},
		"a broken shared env is replaced":             {shared: broken, create: true, code: fault.NoUV},
		"no model, family or key: nothing is created": {unnamed: true, code: fault.NoModel},
		"no model, family or key, but a healthy env":  {unnamed: true, shared: healthy, want: nameShared},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := envdir.Root(t.TempDir())
			verdicts := map[envdir.Kind]health.Verdict{envdir.Shared: tt.shared, envdir.Old: tt.old}
			for dir, v := range map[envdir.Dir]health.Verdict{root.Shared("key"): tt.shared, root.Old("local_1"): tt.old} {
				if v.Code != "" {
					require.NoError(t, os.MkdirAll(dir.Path, 0o755))
				}
			}
			creating := false
			d := deps(root, checker{verdicts: verdicts, noStart: tt.noStart}, &creating)
			res, trace, err := Default(d).Resolve(t.Context(), request(root, tt.policy, !tt.unnamed))
			require.Equal(t, tt.create, creating)
			if tt.want == "" {
				var noEnv *NoEnv
				require.ErrorAs(t, err, &noEnv)
				require.Equal(t, tt.code, noEnv.Code())
				require.Len(t, trace, 5, "every strategy gave a reason")
				return
			}
			require.NoError(t, err)
			defer res.Lease.Release()
			require.Equal(t, tt.want, res.Strategy)
			require.Equal(t, tt.degraded, res.Degraded)
			require.Equal(t, Taken, trace[len(trace)-1].Outcome)
		})
	}
}

// TestDiskError checks that a disk error ends the chain, with a remedy.
func TestDiskError(t *testing.T) {
	t.Parallel()
	disk := &fs.PathError{Op: "open", Path: "x", Err: fs.ErrPermission}
	root := envdir.Root(t.TempDir())
	require.NoError(t, os.MkdirAll(root.Shared("key").Path, 0o755))
	creating := false
	_, trace, err := Default(deps(root, checker{checkErr: disk}, &creating)).Resolve(t.Context(), request(root, Policy{}, true))
	require.ErrorIs(t, err, fs.ErrPermission)
	require.NotEmpty(t, fault.RemedyOf(err))
	require.Equal(t, Stopped, trace[0].Outcome)
	require.False(t, creating)
}

// TestDryRun checks that a dry run leaves no trace on the disk.
func TestDryRun(t *testing.T) {
	t.Parallel()
	root := envdir.Root(t.TempDir())
	creating := false
	_, trace, err := Default(deps(root, checker{}, &creating)).Resolve(t.Context(), request(root, Policy{DryRun: true}, true))
	require.Error(t, err)
	require.Contains(t, trace[3].Reason, "a launch would create key from profile small")
	require.False(t, creating)
	entries, err := os.ReadDir(string(root))
	require.NoError(t, err)
	require.Empty(t, entries)
}

// TestPause checks that inputs that failed are not retried at once, except with IgnorePause.
func TestPause(t *testing.T) {
	t.Parallel()
	root := envdir.Root(t.TempDir())
	run := func(p Policy) (bool, error) {
		creating := false
		_, _, err := Default(deps(root, checker{}, &creating)).Resolve(t.Context(), request(root, p, true))
		return creating, err
	}
	creating, _ := run(Policy{})
	require.True(t, creating)
	creating, err := run(Policy{})
	require.False(t, creating)
	var noEnv *NoEnv
	require.ErrorAs(t, err, &noEnv)
	require.Equal(t, fault.Paused, noEnv.Code())
	require.Contains(t, noEnv.Trace[3].Reason, "no uv in these tests", "the earlier error is shown")
	creating, _ = run(Policy{IgnorePause: true})
	require.True(t, creating)
	require.Equal(t, 2, (&store.Store{Root: root}).Creation("key").Failure().Tries)
}

// TestPlanned checks that a start asks for no plan for an env that was built from an embedded profile, even
// if the key is named.
func TestPlanned(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		seal    health.Seal
		change  func(*Request)
		planned bool
	}{
		"a start":                     {change: func(*Request) {}},
		"a named key":                 {change: func(r *Request) { r.Exact = true }},
		"a key of [envs]":             {change: func(r *Request) { r.Exact, r.Own = true, "hash" }, planned: true},
		"ensure --update":             {change: func(r *Request) { r.Policy.Update = true }, planned: true},
		"a profile of the root":       {seal: health.Seal{ProfilePath: "small.json"}, change: func(*Request) {}, planned: true},
		"the seal of a key of [envs]": {seal: health.Seal{Own: "modelrun.toml"}, change: func(*Request) {}, planned: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := envdir.Root(t.TempDir())
			require.NoError(t, os.MkdirAll(root.Shared("key").Path, 0o755))
			tt.seal.Plan = "another"
			v := health.Verdict{State: health.Healthy, Code: health.CodeHealthy, Sealed: true, Seal: tt.seal}
			planned := false
			d := deps(root, checker{verdicts: map[envdir.Kind]health.Verdict{envdir.Shared: v}}, new(bool))
			d.Caller = caller{creating: new(bool), planned: &planned}
			req := request(root, Policy{NoCreate: true}, true)
			tt.change(req)
			res, _, err := Ensure(d).Resolve(t.Context(), req)
			if err == nil {
				res.Lease.Release()
			}
			require.Equal(t, tt.planned, planned)
		})
	}
}

// TestLeaseOfAnUnusedEnv checks that an env that is not used is not held. Otherwise this process would keep
// others from replacing it.
func TestLeaseOfAnUnusedEnv(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		seal    health.Seal
		policy  Policy
		planErr error
		base    envdir.Key
		want    string // the error
	}{
		"--rebuild":                     {policy: Policy{Rebuild: true}, want: "--rebuild replaces it"},
		"--update with another plan":    {policy: Policy{Update: true}, want: "--update replaces it"},
		"--update without a plan":       {policy: Policy{Update: true}, planErr: errors.New("no plan"), want: "no plan"},
		"built from another definition": {seal: health.Seal{Own: "modelrun.toml"}, want: "from another definition"},
		"made for other needs":          {seal: health.Seal{With: []string{"other"}}, base: "base", want: "for other needs"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := envdir.Root(t.TempDir())
			require.NoError(t, os.MkdirAll(root.Shared("key").Path, 0o755))
			tt.seal.Plan = "another"
			v := health.Verdict{State: health.Healthy, Code: health.CodeHealthy, Sealed: true, Seal: tt.seal}
			d := deps(root, checker{verdicts: map[envdir.Kind]health.Verdict{envdir.Shared: v}}, new(bool))
			d.Caller = caller{creating: new(bool), planErr: tt.planErr}
			tt.policy.NoCreate = true
			req := request(root, tt.policy, true)
			req.Base = cmp.Or(tt.base, req.Base)
			res, err := shared{d}.resolve(t.Context(), &state{req: req})
			require.Nil(t, res)
			require.ErrorContains(t, err, tt.want)
			lease, err := d.Store.Exclusive(root.Shared("key"))
			require.NoError(t, err)
			lease.Release()
		})
	}
}

// TestFailureIsLogged checks that the log of a failed creation ends with the reason, and shows no password.
func TestFailureIsLogged(t *testing.T) {
	t.Parallel()
	root := envdir.Root(t.TempDir())
	d := deps(root, checker{}, new(bool))
	d.Caller = caller{creating: new(bool), uvFrom: " at https://me:secret@example.org"}
	_, _, err := Ensure(d).Resolve(t.Context(), request(root, Policy{}, true))
	require.Error(t, err)
	data, err := os.ReadFile(d.Store.Creation("key").Failure().Log)
	require.NoError(t, err)
	require.Regexp(t, `\n== failed: no uv in these tests at https://\*\*\*@example.org\n$`, string(data))
}

func request(root envdir.Root, p Policy, named bool) *Request {
	p.Wait, p.CreateTimeout = time.Minute, time.Minute
	return &Request{
		Root: root, Key: "key", Base: "key", Named: named, Model: Model{ID: "local_1", Name: "m"}, Policy: p,
	}
}

func deps(root envdir.Root, c Checker, creating *bool) *Deps {
	return &Deps{
		Store: &store.Store{Root: root}, Check: c, Log: hclog.NewNullLogger(),
		Caller: caller{creating: creating},
	}
}

// caller has a plan for one small env, but no uv to create it.
type caller struct {
	creating *bool  // set when a creation asks for uv
	planned  *bool  // set when a plan is asked for; may be nil
	planErr  error  // the error of Plan
	uvFrom   string // more text for the error of UV
}

func (c caller) Plan(context.Context, *Request) (profile.Plan, error) {
	if c.planned != nil {
		*c.planned = true
	}
	return profile.Plan{Key: "key", Source: profile.Source{Profile: "small"}, Packages: []string{"a"}}, c.planErr
}

func (caller) Compatible(context.Context, *Request, []envdir.Key) []Alternative { return nil }

func (c caller) UV(_ context.Context, log io.Writer, _ func()) (*uv.UV, error) {
	*c.creating = true
	_, err := os.Stat(filepath.Dir(log.(*store.Log).Name()))
	return nil, errors.Join(err, fault.New(fault.NoUV, "no uv in these tests%s", c.uvFrom).Fix("none"))
}

func (caller) Serves(context.Context, profile.Plan, string) error { return nil }

func (caller) Interruptible(ctx context.Context) (context.Context, func()) { return ctx, func() {} }

func (caller) Progress(store.Owner) {}

func (caller) Checking(string) {}

// TestQuietInstaller checks that the progress of a quiet installer is redrawn until its time limit.
func TestQuietInstaller(t *testing.T) {
	t.Parallel()
	shown := make(chan string, 100)
	p := &progress{show: func(o store.Owner) { shown <- o.Phase }, owner: store.Owner{Phase: "looking for uv"}}
	ctx, stop := p.watch(t.Context(), "key", time.Hour)
	require.Equal(t, "looking for uv", <-shown)
	require.Equal(t, "looking for uv", <-shown)
	stop()
	require.Error(t, ctx.Err())
}
