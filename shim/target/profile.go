package target

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/shim/config"
)

// accel chooses the profile for the accelerator: that of --profile, else the first one
// that serves this machine's GPUs. Without a GPU no profile is read: the choice has the
// accelerator "cpu" and no name. It logs a warning if a GPU goes unused.
func (f Finder) accel(ctx context.Context, w profile.Want) (c profile.Choice, err error) {
	m, err := f.Machine.Machine(ctx)
	if err != nil {
		return c, err
	}
	if w.Name == "" && !m.HasGPU() && m.Problem == "" && w.Family.Serves("cpu") {
		c.Profile.Accel = "cpu"
	} else if c, err = f.Choose(ctx, w); err != nil {
		return c, err
	}
	if c.Warning != "" {
		f.Log.Warn(c.Warning)
	}
	return c, f.requireGPU(ctx, c.Profile.Accel)
}

// requireGPU returns an error, under --require-gpu, for a build that would not use
// a GPU.
func (f Finder) requireGPU(ctx context.Context, accel string) error {
	if !f.Config.Bool("require_gpu") {
		return nil
	}
	m, err := f.Machine.Machine(ctx)
	if err != nil {
		return err
	}
	if m.HasGPU() && accel != "cpu" {
		return nil
	}
	return fault.New(fault.NoGPU, "--require-gpu: this machine offers %s, and %s would run", m, cmp.Or(accel, "no CUDA build")).
		Fix("check the driver with nvidia-smi, or see why each one is passed over: modelrun profiles")
}

// Choose picks the profile. It logs the reasons for passing over the others at
// debug level.
func (f Finder) Choose(ctx context.Context, w profile.Want) (profile.Choice, error) {
	m, err := f.Machine.Machine(ctx)
	if err != nil {
		return profile.Choice{}, err
	}
	inRoot, bad := f.RootProfiles()
	w.Bad, w.All = bad, f.Log.IsDebug()
	c, err := profile.Select(m, inRoot, w)
	for file, why := range bad {
		f.Log.Debug(fmt.Sprintf("profile %s is passed over: %s", file, why))
	}
	for _, p := range c.Passed {
		f.Log.Debug(fmt.Sprintf("profile %s is passed over: %s", p.Name, p.Reason))
	}
	return c, err
}

// rootProfiles holds the profiles of the root, read once.
type rootProfiles struct {
	once sync.Once
	good []profile.Profile
	bad  map[string]error
}

// RootProfiles returns the usable profiles of the root, and the reason why each
// other one is unusable, by name.
func (f Finder) RootProfiles() (good []profile.Profile, bad map[string]error) {
	p := f.profiles
	p.once.Do(func() {
		p.good, p.bad = profile.InRoot(f.Config.Root())
		p.good = slices.DeleteFunc(p.good, func(one profile.Profile) bool { // a profile decides where packages come from
			err := fsys.Trusted(one.Path, f.Config.List("trusted_owners"))
			if fault.CodeOf(err) != fault.Untrusted {
				return false
			}
			f.Log.Warn("profile " + one.Name + " is passed over: " + err.Error())
			p.bad[one.Name] = err
			return true
		})
	})
	return p.good, p.bad
}

// Plan returns what creation of the target's key would install.
func (f Finder) Plan(ctx context.Context, t Target) (profile.Plan, error) {
	if t.Lock != nil {
		return t.lockPlan()
	}
	plan, err := f.basePlan(ctx, t)
	if t.Key != t.Base {
		with, e := direct(t.With, f.Env, f.Config.List("trusted_owners"))
		plan, err = plan.WithExtras(with).WithTerms(t.Terms), cmp.Or(err, e, checkIndexes(t.Terms))
	}
	plan.Key = t.Key
	return plan, cmp.Or(err, plan.CheckPython())
}

// PlanOf returns what creation of an existing env would install now. Nothing but its
// key and its seal decides on its needs.
func (f Finder) PlanOf(ctx context.Context, key envdir.Key) (profile.Plan, error) {
	f.Config = f.Config.With("env_key", config.Value{Text: string(key)})
	t, err := f.namedKey(ctx, Target{}, "")
	if err != nil {
		return profile.Plan{}, err
	}
	t.Base = t.Key
	if own, locked, err := t.withOwnLock(f.Config.Root()); locked {
		if err != nil {
			return profile.Plan{}, err
		}
		return own.lockPlan()
	}
	t.Key, t.With = key, t.Sealed
	return f.Plan(ctx, t)
}

// basePlan returns the plan of the key without needs beyond it.
func (f Finder) basePlan(ctx context.Context, t Target) (profile.Plan, error) {
	switch {
	case t.Own != nil && t.Own.Base == "":
		return profile.OwnPlan(t.Base, *t.Own), nil
	case t.Own != nil:
		below := Target{Base: t.Own.Base, Own: t.Own.BaseOwn}
		if parts, ok := profile.ParseKey(below.Base); ok {
			below.Family, below.Accel, below.Bnb, below.Canonical = parts.Family, parts.Accel, parts.Bnb, true
		}
		base, err := f.basePlan(ctx, below)
		return t.Own.Extend(t.Base, base), err
	case !t.Canonical && t.Key != t.Base && f.Config.Outsider(string(t.Base)) == "" && meant(f, t.Base) == "":
		return profile.OwnPlan(t.Base, profile.Own{}), nil // of what the user names and nothing else
	case !t.Canonical:
		return profile.Plan{}, f.unknownKey(t.Base)
	}
	c, err := f.Choose(ctx, profile.Want{Name: f.Config.String("profile"), Family: t.Family, Accel: t.Accel, Pickle: t.Model.Pickle})
	if err != nil {
		return profile.Plan{}, err
	}
	plan := c.Profile.Plan(t.Base, t.Family, t.Bnb)
	plan.Notes = slices.Concat(plan.Notes, lines{f}.notes(ctx, t, c.Profile), codeNotes(f, t))
	return plan, nil
}

// meant returns the key that an unknown one is most likely a typing error of, or "".
func meant(f Finder, key envdir.Key) string {
	if near := fault.Nearest(string(key), append(f.KeysHere(), CanonicalKeys()...)); near != string(key) {
		return near
	}
	return ""
}

// unknownKey returns the error for a key that does not tell which packages to
// install.
func (f Finder) unknownKey(key envdir.Key) error {
	e := fault.New(fault.BadKey, "env key %s says nothing about what to install", key)
	if base, ok := key.Locked(); ok {
		return e.Fix("name the lock again: modelrun --env %s --lock pylock.toml …", base)
	}
	describe := fmt.Sprintf("describe it in %s: [envs.%q] packages = [\"name==version\"]", config.ProjectFile, key)
	if dir := f.Config.Outsider(string(key)); dir != "" { // a project describes it, without effect
		describe = "use a root inside that project: modelrun --root " + fault.Quote(dir) + Before(&resolve.Request{Key: key})[len("modelrun"):] + "…"
	}
	if near := meant(f, key); near != "" {
		return e.Fix("did you mean --env %s? or %s", near, describe)
	}
	return e.Fix("%s", describe)
}
