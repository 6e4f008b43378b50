package target

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/pylock"
	"github.com/modelrun/modelrun/resolve/requirement"
	"github.com/modelrun/modelrun/shim/config"
)

// Lock is the lock file from which an env is made.
type Lock struct {
	file   pylock.File
	minors []string // the minor versions of Python for which it holds, oldest first
}

// withLock returns the target of --lock: an env of its own, which has exactly the packages of the file. ok is
// false if no lock is named.
func (t Target) withLock(c config.Config) (_ Target, ok bool, err error) {
	v := c.Value("lock")
	if v.Text == "" {
		return t.withOwnLock(c.Root())
	}
	code, from := fault.BadConfig, v.From+": lock"
	if c.Flag("lock") != "" {
		code, from = fault.BadUsage, v.From
	}
	if others := t.besideLock(c); others != "" {
		return t, true, fault.New(code, "%s excludes %s: a lock names every package and version", from, others).Fix("leave one of them out")
	}
	unfit := func(err error) error {
		return fault.New(code, "%s: %s cannot be used: %w", from, v.Text, err).Fix("make a lock on a machine like this one: modelrun export KEY -o pylock.toml")
	}
	if err := fsys.Trusted(v.Text, c.List("trusted_owners")); fault.CodeOf(err) == fault.Untrusted {
		return t, true, err
	}
	if t.Lock, err = readLock(v.Text); err != nil {
		return t, true, unfit(err)
	}
	for _, r := range c.Needs() { // of the script, which --lock does not exclude
		if why := t.Lock.lacks(r); why != "" {
			return t, true, unfit(fmt.Errorf("%s, and the script needs %s", why, r.Short()))
		}
	}
	t.Terms = requirement.Terms{Lock: t.Lock.file.Sum(), Options: " --lock " + fault.Quote(v.Text)}
	t.Key, err = t.Base.WithLock(t.Terms.Hash(nil))
	return t, true, err
}

// withOwnLock is withLock for a key that names an env that was made from a lock: its own lock counts.
func (t Target) withOwnLock(root envdir.Root) (_ Target, ok bool, err error) {
	if t.Terms.Lock == "" {
		return t, false, nil
	}
	if t.Key, err = t.Base.WithLock(t.Terms.Hash(nil)); err != nil {
		return t, true, err
	}
	if t.Lock, err = readLock(root.Shared(t.Key).Pylock()); err != nil || t.Lock.file.Sum() != t.Terms.Lock {
		t.Lock = &Lock{} // it can still be used, but not be made again: see Plan
	}
	return t, true, nil
}

// besideLock returns what a lock excludes and is set, or "".
func (t Target) besideLock(c config.Config) string {
	for _, name := range []string{"with", "python", "requirements"} {
		if v := c.Value(name); v.Text != "" {
			return v.From
		}
	}
	if len(t.Sealed) > 0 {
		return "the packages of --env " + c.String("env_key")
	}
	if terms := c.Terms(); !terms.Empty() {
		return terms.Options[1:]
	}
	return ""
}

// readLock reads a lock file and checks that it holds for this machine.
func readLock(path string) (*Lock, error) {
	text, err := fsys.ReadFile(path, pylock.MaxSize)
	if err != nil {
		return nil, err
	}
	l := &Lock{}
	if l.file, err = pylock.Parse(text); err != nil {
		return nil, err
	}
	if l.minors, err = l.file.Check(pylock.Here()); err != nil {
		return nil, err
	}
	l.file, err = l.file.From(filepath.Dir(path))
	l.file.Path = path
	return l, err
}

// lacks returns why the lock does not meet a need, or "".
func (l *Lock) lacks(r requirement.Requirement) string {
	has := l.file.Version(r.Name)
	switch {
	case !r.Applies(requirement.Here(l.minors[0])):
		return ""
	case r.Name == requirement.Python:
		if !slices.ContainsFunc(l.minors, func(minor string) bool { return r.Allows(minor) || r.Allows(minor+".99") }) {
			return "it is for Python " + l.minors[0]
		}
	case !l.file.Has(r.Name):
		return "it has no " + r.Name
	case has != "" && !r.Allows(has):
		return "it has " + r.Name + " " + has
	}
	return ""
}

// imports returns the imports whose package is in the lock.
func (l *Lock) imports(all []profile.Import) []profile.Import {
	return slices.DeleteFunc(slices.Clone(all), func(i profile.Import) bool { return !l.file.Has(i.Dist) })
}

// plan returns the plan of a target with a lock.
func (t Target) lockPlan() (profile.Plan, error) {
	if t.Lock.file.Path == "" {
		return profile.Plan{}, fault.New(fault.BadKey, "env key %s was made from a lock, which is gone", t.Key).
			Fix("name the lock again: modelrun --env %s --lock pylock.toml …", t.Base)
	}
	if gone := t.Lock.file.Gone(fsys.Missing); gone != "" {
		return profile.Plan{}, fault.New(fault.NoIndex, "lock %s: %s is gone", t.Lock.file.Path, gone).
			Fix("put that file back, or make another lock: modelrun export KEY -o pylock.toml")
	}
	plan := profile.LockPlan(t.Key, &t.Lock.file, t.Lock.minors).WithTerms(t.Terms)
	plan.Accel, plan.Shared = t.Accel, t.imports()
	return plan, nil
}
