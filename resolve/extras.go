package resolve

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/requirement"
	"github.com/modelrun/modelrun/resolve/uv"
)

// Needs beyond the key do not make an env "broken" for one model and healthy for another. An env that lacks
// some of them is passed over, and the wanted key becomes that of a separate env: <key>--x-<8 hex>.

// Wanted returns the part of a pasted command that names the wanted env.
func (r *Request) Wanted() string {
	if !r.Terms.Empty() && r.Terms.Options == "" { // only the seal of that env has these terms
		return " --env " + string(r.Key)
	}
	return r.naming(r.With)
}

// naming returns the part of a pasted command that names the env of the base key with these needs.
func (r *Request) naming(with []requirement.Requirement) string {
	s := " --env " + string(r.Base)
	for _, w := range requirement.Set(with) {
		if r.Terms.At[w.String()] == "" {
			s += " --with " + fault.Quote(w.String())
		}
	}
	return s + r.Terms.Options
}

// alsoNaming returns the part of a pasted command that names the wanted env and these packages.
func (r *Request) alsoNaming(packages []string) string {
	with := slices.Clone(r.With)
	for _, name := range packages {
		if p, err := requirement.Parse(name); err == nil { // it is the name of a package
			with = append(with, p)
		}
	}
	return r.naming(with)
}

// withoutVersions returns the part of a pasted command that names the wanted env, with any version of the
// packages that a text about versions names, and without those that no index has.
func (r *Request) withoutVersions(text string) string {
	var with []requirement.Requirement
	for _, w := range r.With {
		if strings.Contains(text, w.Name+" was not found in ") {
			continue
		}
		if strings.Contains(text, w.Name) && w.Name != requirement.Python {
			w.Specs = nil
		}
		with = append(with, w)
	}
	return r.naming(with)
}

// linesOf returns the lines of requirements files with packages that a text about versions names, or "".
func (r *Request) linesOf(text string) string {
	var lines []string
	for _, w := range r.With {
		if at := r.Terms.At[w.String()]; at != "" && strings.Contains(text, w.Name) {
			lines = append(lines, at+" ("+w.String()+")")
		}
	}
	return strings.Join(lines[:min(len(lines), 3)], ", ")
}

// checkVersions returns an error for versions that resolve together and cannot work here. The profile's own
// versions were checked when the profile was chosen.
func (d *Deps) checkVersions(ctx context.Context, plan profile.Plan, versions uv.Lock) error {
	if len(plan.Extras) == 0 {
		return nil
	}
	if err := plan.CheckVersions(versions.Version); err != nil {
		return err
	}
	torch := versions.Version("torch")
	if torch == "" || !plan.Moved("torch") && !slices.ContainsFunc(versions.Relaxed, func(r uv.Relaxed) bool { return r.Name == "torch" }) {
		return nil
	}
	if err := d.Caller.Serves(ctx, plan, torch); err != nil {
		return fault.New(fault.NoSolution, "torch %s cannot be used here: %w", torch, err)
	}
	return nil
}

// withVersionsHint adds to an error about versions the command that leaves those versions to the resolver, or
// that names what may be built from source.
func (r *Request) withVersionsHint(err error) error {
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != fault.NoSolution || f.Remedy != "" {
		return err
	}
	var u *uv.Unbuilt
	if errors.As(err, &u) {
		return f.Fix("if you trust them, name it too: modelrun ensure%s%s", r.RootOption, r.alsoNaming(u.Packages))
	}
	if lines := r.linesOf(f.Text); lines != "" {
		return f.Fix("correct %s", lines)
	}
	others := r.withoutVersions(f.Text)
	if _, canonical := profile.ParseKey(r.Base); others == r.Wanted() || !canonical && r.Own == "" { // no version is at fault, or nothing else describes the env
		return f.Fix("use an index that has them all: --index URL")
	}
	return f.Fix("ask for other versions, or for any: modelrun ensure%s%s", r.RootOption, others)
}

// checkNeeds returns a verdict for an env that lacks some of the needs beyond its key. The verdict is zero if
// the env has them all. Only an env that was made under the same terms has packages from the same place.
func (r *Request) checkNeeds(dir envdir.Dir) (health.Verdict, error) {
	if !r.Terms.Empty() && dir.Name != string(r.Key) {
		lines := requirement.Brief(r.Terms.Lines())
		return lacking("was not made with " + strings.Join(lines[:min(len(lines), 3)], ", ")), nil
	}
	lacks, err := health.Lacks(dir, r.With)
	if err != nil || len(lacks) == 0 {
		return health.Verdict{}, unreadableEnv(dir, err)
	}
	return lacking("lacks " + strings.Join(lacks, ", ")), nil
}

func lacking(reason string) health.Verdict {
	return health.Verdict{State: health.Broken, Code: health.CodeLacks, Cached: true, Reason: reason}
}

// checkSealedNeeds returns an error for an env that was made for other needs than those of the request. A
// hash of 8 hex digits is so short that another list of packages with the same key can be found. The env made
// from such a list must not serve users who need rich.
func checkSealedNeeds(req *Request, res *Resolution) error {
	seal := res.Verdict.Seal
	if req.Key == req.Base || !res.Verdict.Sealed || slices.Equal(seal.With, req.Terms.Written(req.With)) {
		return nil
	}
	return fault.New(fault.OtherContent, "env key %s: %s was made for other needs: %s", req.Key, res.Dir.Path, strings.Join(requirement.Brief(seal.With), ", ")).
		Fix("replace it: modelrun ensure%s --rebuild%s", req.RootOption, req.Wanted())
}

// baseLacks returns why the env of the base key does not serve the request. It returns "" if that env serves
// it or does not exist.
func (r *Request) baseLacks() string {
	dir := r.Root.Shared(r.Base)
	if r.Base == r.Key || fsys.Missing(dir.Path) {
		return ""
	}
	v, err := r.checkNeeds(dir)
	if err != nil || v.Code == "" {
		return ""
	}
	return describe(dir, v)
}

// withBase prefixes a reason with what the env of the base key lacks.
func (r *Request) withBase(reason string) string {
	if base := r.baseLacks(); base != "" {
		return base + "; " + reason
	}
	return reason
}

// changesLost lists the packages that were installed by hand into an env that was replaced. They are not
// installed again, because they may have broken the env.
func changesLost(req *Request, drift health.Drift) string {
	text := fmt.Sprintf("what was changed by hand in %s is not in the new environment: %s", req.Key, strings.Join(drift.Changes, ", "))
	if len(drift.Reinstall) == 0 {
		return text
	}
	var packages, options []string
	for _, a := range drift.Reinstall {
		packages = append(packages, fault.Quote(a))
		options = append(options, "--with "+fault.Quote(a))
	}
	return fmt.Sprintf("%s. To put it back, run: modelrun%s%s -- pip install %s; or have an environment with it: modelrun%s%s %s -- …",
		text, req.RootOption, req.Wanted(), strings.Join(packages, " "), req.RootOption, req.Wanted(), strings.Join(options, " "))
}
