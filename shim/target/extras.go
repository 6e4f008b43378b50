package target

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/requirement"
	"github.com/modelrun/modelrun/resolve/source"
	"github.com/modelrun/modelrun/shim/config"
)

// withNeeds returns the target with the needs that go beyond its key, and with the
// key that they lead to. It drops packages that the key already includes.
func (f Finder) withNeeds(ctx context.Context, t Target) (Target, error) {
	if t, locked, err := t.withLock(f.Config); locked || err != nil {
		return t, err
	}
	if err := checkTerms(t, f.Config.Terms()); err != nil {
		return t, err
	}
	t.With, t.Terms = t.beyond(f.Config)
	for _, r := range f.Config.Needs() {
		if r.Bare() && (r.Name == "torchaudio" || r.Name == "torchvision") && t.includes(r.Name) {
			if plan, err := f.basePlan(ctx, t); err == nil && !plan.Covers(r) { // the profile leaves it out
				t.With = requirement.Set(append(t.With, r))
			}
		}
	}
	if len(t.With) == 0 && t.Terms.Empty() {
		return t, nil
	}
	key, err := t.Base.WithExtras(t.Terms.Hash(t.With))
	if err != nil {
		return t, err
	}
	root := f.Config.Root()
	if servedBefore(f, t, key) {
		t.With = nil
		return t, nil
	}
	if !t.Terms.Empty() || fsys.Exists(root.Shared(key).Path) || fsys.Exists(root.Next(key).Path) || !f.covered(ctx, t) {
		t.Key = key
	}
	return t, nil
}

// servedBefore reports whether the env of the base key started the model before, although
// it lacks what only the model's kind needs. It is kept: the program uses the model without
// that, and a newer modelrun must not download another env. The user reads how to add it.
func servedBefore(f Finder, t Target, key envdir.Key) bool {
	root := f.Config.Root()
	base := root.Shared(t.Base)
	if len(t.Model.Needs.Packages) == 0 || len(f.Config.Needs()) > 0 || !t.Terms.Empty() || fsys.Exists(root.Shared(key).Path) ||
		!fsys.Exists(root.State().Model(base, t.Model.OldID())) {
		return false
	}
	lacks, err := health.Lacks(base, t.With)
	if err != nil || len(lacks) == 0 {
		return false
	}
	f.Log.Warn(string(t.Base) + " started this model before and is kept; it lacks " + strings.Join(lacks, ", ") +
		", which models of its kind need: modelrun" + words("with", requirement.Strings(t.With)) + " -m " + f.ModelName(t) + " -- python …")
	return true
}

// words returns an option for each value, with a space before it.
func words(option string, values []string) (text string) {
	for _, v := range values {
		text += " --" + option + " " + fault.Quote(v)
	}
	return text
}

// checkTerms returns an error if a key names an env that was made under other terms
// than those of this start. Two sets of terms cannot both hold.
func checkTerms(t Target, now requirement.Terms) error {
	made := t.Terms.Lines()
	if len(made) == 0 || now.Empty() || slices.Equal(made, now.Lines()) {
		return nil
	}
	return fault.New(fault.BadUsage, "this environment was made with %s, and other terms cannot be added", strings.Join(requirement.Brief(made), ", ")).
		Fix("name the key alone: --env %s", t.Base)
}

// checkIndexes returns an error for an index whose secret only the user knows.
func checkIndexes(t requirement.Terms) error {
	for _, url := range append(slices.Clone(t.Indexes), t.DefaultIndex) {
		if strings.Contains(url, "***@") {
			return fault.New(fault.NoIndex, "the password of index %s is not kept anywhere", url).
				Fix("name it again with its password: --index URL, or --default-index URL")
		}
	}
	return nil
}

// beyond returns the needs that go beyond the target's key, and their terms. Those of a
// quantisation are those of the target's line of transformers.
func (t Target) beyond(c config.Config) (with []requirement.Requirement, terms requirement.Terms) {
	if terms = c.Terms(); terms.Empty() && !t.Terms.Empty() {
		terms = t.Terms
	}
	for _, r := range requirement.Set(slices.Concat(c.Needs(), t.OfModel(c.Needs()), t.Sealed)) {
		if r.Applies(requirement.Here("")) && !(r.Bare() && (r.Name == requirement.Python || t.includes(r.Name))) {
			with = append(with, r)
		}
	}
	return with, terms
}

// OfModel returns what the model's kind, its pickled weights and its quantisation need
// beyond the family, except what the user names: that decides. It returns nothing if the
// user named the key. All texts are requirements: tests of package need read its tables.
func (t Target) OfModel(user []requirement.Requirement) (all []requirement.Requirement) {
	if t.Exact {
		return nil
	}
	for _, text := range slices.Concat(t.Model.Needs.On(profile.IsCUDA(t.Accel)), t.Line.Quant.of(t.Family)) {
		r, err := requirement.Parse(text)
		named := slices.ContainsFunc(user, func(u requirement.Requirement) bool { return u.Name == r.Name })
		if err == nil && !named {
			all = append(all, r)
		}
	}
	return all
}

// includes reports whether the key itself includes a package.
func (t Target) includes(name string) bool {
	packages := t.Family.Packages
	if t.Bnb {
		packages = slices.Concat(packages, t.Family.Bnb)
	}
	if t.Own != nil && t.Own.Includes(name) {
		return true
	}
	return slices.ContainsFunc(packages, func(p string) bool { return requirement.NameOf(p) == name })
}

// covered reports whether the env of the key itself certainly meets the needs, now
// and after a rebuild.
func (f Finder) covered(ctx context.Context, t Target) bool {
	for _, r := range t.With {
		if r.Name != requirement.Python && !t.includes(r.Name) {
			return false
		}
	}
	if lacks, err := health.Lacks(f.Config.Root().Shared(t.Base), t.With); err != nil || len(lacks) > 0 {
		return false
	}
	plan, err := f.basePlan(ctx, t)
	return err == nil && !slices.ContainsFunc(t.With, func(r requirement.Requirement) bool { return !plan.Covers(r) })
}

// sealedNeeds handles a key that names an env with extras. It returns the key
// without the extras, and from the seal of the env the extras and their terms.
func sealedNeeds(root envdir.Root, key envdir.Key) (base envdir.Key, with []requirement.Requirement, terms requirement.Terms) {
	base, hash, ok := key.Extras()
	if !ok {
		return key, nil, terms
	}
	seal, _, err := health.ReadSeal(root.Shared(key))
	if err != nil {
		return key, nil, terms
	}
	with, terms = requirement.ReadWritten(seal.With)
	if terms.Hash(with) != hash {
		return key, nil, requirement.Terms{}
	}
	return base, with, terms
}

// direct returns the needs with the name of each direct reference. The error says
// why one cannot be had, before anything is touched.
func direct(with []requirement.Requirement, env execx.Environ, owners []string) (named []requirement.Requirement, err error) {
	for _, r := range with {
		switch {
		case r.Masked():
			return nil, fault.New(fault.NoSolution, "the secret in the address of %s is not kept anywhere", r.Short()).
				Fix("name it again with its secret: --with %s", fault.Quote(r.Short()))
		case r.Git():
			if _, err := execx.LookPath("git", filepath.SplitList(env.Get("PATH")), env); err != nil {
				return nil, fault.New(fault.NoSolution, "%s cannot be had: there is no git on PATH", r.Short()).
					Fix("install git (Debian, Ubuntu: apt install git; Windows: winget install Git.Git), or name a wheel or an archive by its https:// address")
			}
		case r.Path() != "":
			if err := fsys.Trusted(r.Path(), owners); fault.CodeOf(err) == fault.Untrusted {
				return nil, err
			}
			if r.Name, err = source.Name(r.Path(), r.Name); err != nil {
				return nil, err
			}
		}
		named = append(named, r)
	}
	return named, nil
}
