package uv

import (
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// Building a package runs code of its authors, even while versions are resolved. So
// uv builds only packages that the user names, and those of the families' tables.
// Everything else must have a wheel.

// onlyWheels returns the arguments with which uv builds only these packages. uv then
// uses no wheel of them, so name only packages that have none.
func onlyWheels(except []string) []string {
	args := []string{"--only-binary", ":all:"} // --no-build allows no exception
	for _, name := range except {
		args = append(args, "--no-binary", name)
	}
	return args
}

// named returns the requirements that the user wrote.
func named(p profile.Plan) []string {
	if p.Own != "" {
		return slices.Concat(p.Packages, requirement.Strings(p.Extras))
	}
	return requirement.Strings(p.Extras)
}

// buildArgs returns the arguments with which uv installs this lock: it builds what
// has no wheel in it, and nothing else.
func (l Lock) buildArgs() []string {
	names := l.built()
	if names == nil {
		return onlyWheels(nil)
	}
	return append(onlyWheels(names), l.cooldown...)
}

// built returns the packages that are built from source.
func (l Lock) built() (names []string) {
	for _, p := range l.Packages {
		if p.Source {
			names = append(names, p.Name)
		}
	}
	return names
}

// references returns the packages for which the user wrote a URL or a folder.
func references(p profile.Plan) (names []string) {
	for _, text := range named(p) {
		if strings.Contains(text, "@") {
			names = append(names, requirement.NameOf(text))
		}
	}
	return names
}

// unbuilt returns the packages that uv would have to build, and does not.
func unbuilt(explanation string) []string {
	return namesIn(explanation, "Wheels are required for `([^`]+)` because")
}

// allowBuilds allows the builds without which nothing resolves, if they may be done.
// It reports whether that changes anything.
func (r *resolution) allowBuilds(explanation string) (changed bool) {
	for _, name := range unbuilt(explanation) {
		asked := slices.ContainsFunc(named(r.plan), func(text string) bool { return requirement.NameOf(text) == requirement.Normal(name) })
		if (asked || profile.Builds(name) || len(r.plan.Terms.Build) > 0) && !slices.Contains(r.built, name) {
			r.built, changed = append(r.built, name), true
		}
	}
	return changed
}

// Unbuilt is the cause of an error if packages come only as source, and nothing
// allows to build them.
type Unbuilt struct{ Packages []string }

// Error says so in one clause.
func (e *Unbuilt) Error() string {
	return strings.Join(e.Packages, ", ") + " has no wheel for this Python and system, and building it would run code of its authors"
}

// buildError returns the error for packages that nothing allows to build, or nil if
// uv's explanation names none.
func (r *resolution) buildError(un *unsolvable) error {
	names := slices.DeleteFunc(unbuilt(un.output), func(name string) bool { return slices.Contains(r.built, name) })
	if len(names) == 0 {
		return nil
	}
	e := fault.New(fault.NoSolution, "%w: %s", &Unbuilt{names}, un.text)
	if r.plan.Own != "" && len(r.plan.Extras) == 0 {
		return e.Fix("if you trust them, name it in %s: packages of [envs.%q]", r.plan.Own, r.plan.Key)
	}
	return e // the caller knows the command that helps
}
