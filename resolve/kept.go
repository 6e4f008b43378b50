package resolve

import (
	"fmt"
	"maps"
	"slices"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/pylock"
	"github.com/modelrun/modelrun/resolve/requirement"
	"github.com/modelrun/modelrun/resolve/uv"
)

// What was resolved stays resolved: an env that is built again gets the versions and the Python minor version
// that it had, from its own lock. Its versions are resolved again only for `ensure --update`, for a definition
// that the user changed, or if its lock cannot be used. A newer modelrun with other built-in profiles is no
// reason.

// kept is what a build keeps of the env that it replaces.
type kept struct {
	why   string      // why the env is replaced; "" if there is none
	again string      // why its versions are resolved again; "" if they stay
	exact bool        // the lock is installed as it is; otherwise its versions are soft pins
	newer bool        // the lock is of an older built-in profile, which may lack what is needed now
	lock  uv.Lock     // of the env; empty if its versions count for nothing
	seal  health.Seal // of the env; zero if it has none, or if what differs from it is meant to
}

// keep returns what to keep of the env of the wanted key. why says why it is replaced.
func (d *Deps) keep(req *Request, plan profile.Plan, why string) kept {
	dir := req.Root.Next(req.Key) // the env in use now: one that waits in .next is used first
	if fsys.Missing(dir.Path) {
		dir = req.Root.Shared(req.Key)
	}
	if fsys.Missing(dir.Path) {
		return kept{}
	}
	k := kept{why: why}
	if plan.Lock != nil { // the key is that of the lock
		return k
	}
	if req.Policy.Update {
		k.again = "--update"
		return k
	}
	seal, sealed, err := health.ReadSeal(dir)
	k.seal = seal
	if err == nil && sealed && seal.Plan != "" && seal.Plan != plan.Hash() {
		if k.newer = sameText(req, plan, seal); !k.newer {
			k.again = "its definition has changed"
			return k
		}
	}
	if k.lock, err = d.readLock(dir); err != nil {
		k.again = err.Error()
		return k
	}
	switch {
	case !sealed || seal.Plan == "" || seal.Python.Version == "":
		k.again = "nothing says from which definition it was made"
	case changedSource(seal) != "": // it may need other packages now
		k.again = changedSource(seal) + " has changed"
	case slices.ContainsFunc(req.With, requirement.Requirement.Secret):
		k.again = "its lock has no secrets"
	}
	k.exact = k.again == ""
	return k
}

// sameText reports whether all that the user wrote is the same for a plan and for a seal. Then only the
// built-in profiles and families can differ, which change with modelrun.
func sameText(req *Request, plan profile.Plan, seal health.Seal) bool {
	return plan.ProfilePath == "" && seal.ProfilePath == "" && plan.Profile == seal.Profile &&
		(plan.Own == "" && seal.Own == "" || plan.OwnHash != "" && plan.OwnHash == seal.OwnHash) &&
		(req.Key == req.Base || slices.Equal(seal.With, req.Terms.Written(req.With)))
}

// readLock reads the lock of an env.
func (d *Deps) readLock(dir envdir.Dir) (uv.Lock, error) {
	if err := d.Trusted(dir); err != nil {
		return uv.Lock{}, err
	}
	data, err := fsys.ReadFile(dir.Pylock(), pylock.MaxSize)
	if err != nil {
		return uv.Lock{}, fmt.Errorf("it has no lock that can be read (%w)", err)
	}
	return uv.ParseLock(data)
}

// String returns the line that says why an env is built again, and from which versions.
func (k kept) String() string {
	if k.again == "" {
		return k.why + "; rebuilding it with the same versions"
	}
	return k.why + "; resolving its versions again: " + k.again
}

// soften returns the plan with the versions of the lock as soft pins, before its own.
func (k kept) soften(p profile.Plan) profile.Plan {
	var pins []profile.Pin
	for _, one := range k.lock.Packages {
		if one.Version != "" && !one.Direct { // an index may have other content of that version
			pins = append(pins, profile.Pin{Name: one.Name, Version: one.Version})
		}
	}
	own := slices.DeleteFunc(slices.Clone(p.Soft), func(pin profile.Pin) bool { return slices.Contains(pins, pin) })
	p.Soft = append(pins, own...)
	return p
}

// narrow returns the plan with the Python minor version for which the lock holds.
func (k kept) narrow(p profile.Plan) profile.Plan {
	minor := k.seal.Python.Version
	p.Python.Min, p.Python.Max, p.Python.Best = minor, minor, minor
	if p.Python.Also != "" {
		p.Python.Best = "" // it may ask for more than the minor version
	}
	return p
}

// giveUp makes the next attempt resolve again, and reports whether that can help. err is why the lock could
// not be installed.
func (k *kept) giveUp(err error) bool {
	helps := []fault.Code{fault.NoPython, fault.NoIndex, fault.Offline, fault.Install, fault.BadWheel}
	if k.newer {
		helps = append(helps, fault.Verify)
	}
	if !k.exact || !slices.Contains(helps, fault.CodeOf(err)) {
		return false
	}
	k.exact, k.again = false, err.Error()
	return true
}

// differences lists what differs in a new env from the one that it replaces, one line each. It lists nothing
// if the versions were meant to change.
func (k kept) differences(seal health.Seal, now uv.Lock) (lines []string) {
	if len(k.lock.Packages) == 0 && len(k.seal.Installed) == 0 {
		return nil
	}
	if was := k.seal.Python.Version; was != "" && was != seal.Python.Version {
		lines = append(lines, "Python "+was+" -> "+seal.Python.Version)
	}
	before := maps.Clone(k.seal.Installed)
	if before == nil {
		before = versionsOf(k.lock)
	}
	reasons, files := map[string]string{}, filesOf(now)
	for _, r := range now.Relaxed {
		reasons[requirement.Normal(r.Name)] = " (" + r.Why + ")"
	}
	for name, hashes := range filesOf(k.lock) {
		if other := files[name]; len(hashes) > 0 && len(other) > 0 && before[name] == seal.Installed[name] && !slices.ContainsFunc(hashes, func(h string) bool { return slices.Contains(other, h) }) {
			lines = append(lines, name+" "+before[name]+" (the index has other files of it now)")
		}
	}
	for name, version := range seal.Installed {
		if before[name] == "" {
			before[name] = "none"
		}
		if before[name] != version {
			lines = append(lines, name+" "+before[name]+" -> "+version+reasons[name])
		}
		delete(before, name)
	}
	for name, version := range before {
		lines = append(lines, name+" "+version+" -> none")
	}
	slices.Sort(lines)
	return lines
}

// versionsOf returns the version of each package of a lock, by normalised name.
func versionsOf(l uv.Lock) map[string]string {
	out := map[string]string{}
	for _, p := range l.Packages {
		out[requirement.Normal(p.Name)] = p.Version
	}
	return out
}

// filesOf returns the hashes of each package's files, by normalised name.
func filesOf(l uv.Lock) map[string][]string {
	out := map[string][]string{}
	for _, p := range l.Packages {
		out[requirement.Normal(p.Name)] = p.Hashes
	}
	return out
}

// relaxed returns the pins of the plan that its versions relax, one line each. A hard
// pin gives way as well, to a requirement of the user. The versions of a lock are soft
// pins as well: how those changed is one of the differences.
func relaxed(p profile.Plan, now uv.Lock) (lines []string) {
	for _, r := range now.Relaxed {
		if slices.Contains(slices.Concat(p.Hard, p.Soft), profile.Pin{Name: r.Name, Version: r.From}) {
			lines = append(lines, r.String())
		}
	}
	return lines
}

// notInstalled adds to the error of an installation that it is a lock that could not be installed: another
// index does not help.
func notInstalled(lock *pylock.File, err error) error {
	code := fault.CodeOf(err)
	if lock == nil || !slices.Contains([]fault.Code{fault.NoIndex, fault.Install, fault.BadWheel}, code) {
		return err
	}
	return fault.New(code, "lock %s: %w", lock.Path, err).Fix("the addresses in the lock must be reachable from here; make another lock where they are: modelrun export KEY -o pylock.toml")
}

// replacedBecause returns why the env of the wanted key is replaced.
func (st *state) replacedBecause() string {
	dir := st.req.Root.Shared(st.req.Key)
	switch {
	case st.sharedVerdict.State != health.Healthy:
		return describe(dir, st.sharedVerdict)
	case st.req.Policy.Rebuild:
		return "--rebuild replaces " + dir.Name
	}
	return dir.Name + " is replaced"
}
