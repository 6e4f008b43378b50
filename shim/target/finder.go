// Package target decides which env a program starts in. It makes the
// [resolve.Request] for the chain from the settings, the model's files and the
// hardware.
package target

import (
	"cmp"
	"context"
	"strings"

	"github.com/hashicorp/go-hclog"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/hardware"
	"github.com/modelrun/modelrun/resolve/need"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/requirement"
	"github.com/modelrun/modelrun/shim/config"
)

// Target describes the env that is wanted.
type Target struct {
	Model     need.Model                // zero if there is none
	Key       envdir.Key                // of the wanted env
	Base      envdir.Key                // Key without the part for With; equal to Key if there is none
	Named     bool                      // a model, family, profile or key is named, or a model is found
	Exact     bool                      // the key is named
	Canonical bool                      // the family and the accelerator follow from the key
	Family    profile.Family            // zero if it is not known
	Accel     string                    // "cu121", "cpu"; "" if it is not known
	Bnb       bool                      // with bitsandbytes
	Own       *profile.Own              // the definition if the key is one of [envs], else nil
	With      []requirement.Requirement // needs beyond the key
	Sealed    []requirement.Requirement // needs beyond the key, from the seal of the env that is named
	Terms     requirement.Terms         // where the needs come from, and what limits them
	Lock      *Lock                     // the lock from which the env is made; nil if versions are resolved
	Line      Line                      // the choice between the lines of transformers
}

// Finder finds targets. It changes nothing and runs nothing from a root.
type Finder struct {
	Config   config.Config   // the settings and the root
	Env      execx.Environ   // the caller's variables
	Program  execx.Environ   // the program's variables, which say where its models are
	Machine  *hardware.Cache // this machine's hardware
	Log      hclog.Logger    // for notes and warnings
	profiles *rootProfiles
}

// NewFinder returns a Finder that reads the root's profiles at most once.
func NewFinder(c config.Config, env, program execx.Environ, machine *hardware.Cache, log hclog.Logger) Finder {
	return Finder{c, env, program, machine, log, &rootProfiles{}}
}

// Find decides on model, family and key, without needs beyond the key. What the
// user names explicitly wins.
func (f Finder) Find(ctx context.Context) (Target, error) {
	t, err := f.find(ctx)
	t.Base = t.Key
	return t, err
}

func (f Finder) find(ctx context.Context) (t Target, err error) {
	if t.Model, err = f.Model(); err != nil {
		return t, err
	}
	name := cmp.Or(f.Config.String("family"), t.Model.Family)
	t.Named = name != "" || f.Config.IsSet("env_key") || f.Config.IsSet("profile")
	if f.Config.IsSet("env_key") {
		return f.namedKey(ctx, t, name)
	}
	if t.Family, err = FamilyNamed(cmp.Or(name, profile.DefaultFamily), f.Config.Value("family").From); err != nil {
		return t, err
	}
	if t.Family.Name == profile.DefaultFamily { // either line, by the rules
		t, err = lines{f}.choose(ctx, t)
	} else {
		t, _, _, err = quantised(ctx, f, t, 5)
	}
	if err == nil && t.Accel == "" {
		var c profile.Choice
		c, err = f.accel(ctx, profile.Want{Name: f.Config.String("profile"), Family: t.Family})
		t.Accel = c.Profile.Accel
		if err != nil && f.Config.String("family") == "" { // the model's files led to the family
			err = fault.New(fault.CodeOf(err), "model %s: %w", t.Model.Shown(), err).Fix("%s", fault.RemedyOf(err))
		}
	}
	if err != nil {
		return t, err
	}
	t.Family = t.Family.For(t.Accel)
	t.Key, t.Canonical = t.Family.Key(t.Accel, t.Bnb), true
	return t, nil
}

// namedKey returns the target of --env, which names only the key. The model stays,
// because its old env may be used.
func (f Finder) namedKey(ctx context.Context, t Target, family string) (Target, error) {
	key, err := envdir.ParseKey(f.Config.String("env_key"))
	if err != nil {
		return t, err
	}
	t.Exact, t.Model.Pickle = true, "" // which the named env opens or not
	if _, own := f.Config.Envs()[string(key)]; !own {
		key, t.Sealed, t.Terms = sealedNeeds(f.Config.Root(), key)
	}
	t.Key = key
	if t.Own, err = f.Config.Definition(string(key), f.Env); err != nil {
		return t, err
	}
	if t.Own != nil {
		if parts, ok := t.Own.Family(); ok {
			t.Family, t.Accel, t.Bnb = parts.Family, parts.Accel, parts.Bnb
		}
		return t, f.requireGPU(ctx, t.Accel)
	}
	if parts, ok := profile.ParseKey(key); ok {
		t.Family, t.Accel, t.Bnb, t.Canonical = parts.Family, parts.Accel, parts.Bnb, true
		return t, f.requireGPU(ctx, t.Accel)
	}
	if family != "" {
		if t.Family, err = FamilyNamed(family, f.Config.Value("family").From); err != nil {
			return t, err
		}
	}
	return t, f.requireGPU(ctx, "")
}

// FamilyNamed returns the family with that name. from is the source of the name,
// for the error.
func FamilyNamed(name, from string) (profile.Family, error) {
	f, ok := profile.FamilyNamed(name)
	if ok {
		return f, nil
	}
	var names []string
	for _, f := range profile.Families() {
		names = append(names, f.Name)
	}
	e := fault.New(fault.BadConfig, "%s: family %q is not known", from, name)
	if near := fault.Nearest(name, names); near != "" {
		return f, e.Fix("did you mean %q? families are %s", near, strings.Join(names, ", "))
	}
	return f, e.Fix("families are %s", strings.Join(names, ", "))
}
