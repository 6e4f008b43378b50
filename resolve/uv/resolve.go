package uv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// Resolve determines every version of a plan before anything is downloaded.
//
// Hard pins always hold, except if only a requirement beyond the key is against
// them. Soft pins hold in order, as long as they resolve; dropped ones are listed
// in Lock.Relaxed. If a torch index cannot be reached,
// it is replaced by the default index, but only for the accelerator "cpu": the
// default index has CUDA builds, which also run without a GPU.
func (u *UV) Resolve(ctx context.Context, p profile.Plan) (Lock, error) {
	p = p.WithTorchIndex(u.cfg.IndexTorch)
	p.Soft = p.Kept()
	python, err := u.python(ctx, p)
	if err != nil {
		return Lock{}, err
	}
	// The name is that of a staging folder: the next creation removes it after
	// a kill.
	work := u.cfg.Root.Staging(cmp.Or(p.Key, "resolve"), fsys.RandomHex(8)).Path
	if err := fsys.MkdirLike(work); err != nil { // with the mode of .envs, because a team shares .tmp
		return Lock{}, err
	}
	defer os.RemoveAll(work)
	r := &resolution{uv: u, plan: p, python: python, dir: work, cool: newCooldown(u.cfg, p), built: references(p)}
	r.forgetSources(ctx)
	cached := cachedBy(u) // before resolving: uv unpacks wheels there to read their metadata, but does not install from these
	l, err := r.solve(ctx)
	if err != nil {
		return Lock{}, err
	}
	if l, err = l.withHashes(p.Terms.Hashes); err != nil {
		return Lock{}, err
	}
	if l.cached = cached; !r.cool.undated { // otherwise uv would find no setuptools for a build
		l.cooldown = r.cool.args(nil)
	}
	return r.complete(l), nil
}

// complete returns the lock with all that follows from the plan and the Python.
func (r *resolution) complete(l Lock) Lock {
	if sources := l.sources(); sources != "" {
		r.notes = append(r.notes, sources+" comes as source and is built here: that may take minutes, and a compiler")
	}
	l.Python, l.Notes, l.Pip = r.python, append(r.notes, l.Notes...), r.pip
	l.direct = direct(r.plan)
	l.build = r.plan.Terms.Build
	l.index, l.indexes = r.defaultIndex(), append(slices.Clone(r.plan.Terms.Indexes), r.plan.TorchIndex)
	return l
}

// Relock returns a lock that has everything of a plan, such as that of an earlier Resolve. Nothing is
// resolved. The error is a fault.NoPython if the plan's Python cannot be had.
func (u *UV) Relock(ctx context.Context, p profile.Plan, pylock []byte) (Lock, error) {
	text := string(pylock)
	for _, r := range direct(p) { // the lock beside an env has no secrets
		text = strings.ReplaceAll(text, lockedURL(r.Location()), lockedURL(r.URL))
	}
	l, err := ParseLock([]byte(text))
	if err != nil {
		return Lock{}, err
	}
	p = p.WithTorchIndex(u.cfg.IndexTorch)
	r := &resolution{uv: u, plan: p}
	r.forgetSources(ctx)
	l.cached = cachedBy(u)
	if r.python, err = u.python(ctx, p); err != nil {
		return Lock{}, err
	}
	if slices.Contains(p.Packages, "pip") && l.Version("pip") == "" {
		r.pip = r.bundledPip(ctx) // the index had none: see repair
	}
	return r.complete(l), nil
}

// direct returns the direct references of a plan: needs, and packages of [envs].
func direct(p profile.Plan) []requirement.Requirement {
	list := slices.Clone(p.Extras)
	for _, text := range p.Packages {
		if r, err := requirement.Parse(text); err == nil { // uv says what is wrong with any other text
			list = append(list, r)
		}
	}
	return slices.DeleteFunc(list, func(r requirement.Requirement) bool { return r.URL == "" })
}

// forgetSources removes the packages of this disk from uv's cache. uv would take a
// wheel that it built earlier, unless a build file has changed. Its own
// --refresh-package cannot be used offline. A failure only costs that.
func (r *resolution) forgetSources(ctx context.Context) {
	args := r.uv.common("cache", "clean", "--force")
	n := len(args)
	for _, d := range direct(r.plan) {
		if d.Path() != "" {
			args = append(args, d.Name)
		}
	}
	if len(args) > n && !r.uv.cfg.NoCache {
		_, _ = r.uv.run(ctx, "", nil, args...)
	}
}

// cachedBy returns the packages in uv's cache.
func cachedBy(u *UV) map[string]bool {
	cached := map[string]bool{}
	if !u.cfg.NoCache {
		scanCache(u.cacheDir(), map[string]bool{}, cached)
	}
	return cached
}

// python returns the base interpreter. It prefers the recommended version, then
// any installed version in the range, then the recommended one, downloaded by
// uv.
func (u *UV) python(ctx context.Context, p profile.Plan) (string, error) {
	path, err := u.Python(ctx, p)
	if err == nil || fault.CodeOf(err) != fault.NoPython {
		return path, err
	}
	best := cmp.Or(p.Python.Best, pythonRange(p.Python), orAnyPython(""))
	none := func(why string) error { return noPython(p, ", and uv cannot get one: "+why) }
	if u.cfg.Offline {
		return "", none("--offline is set")
	}
	res, err := u.run(ctx, "", nil, u.common("python", "install", "--no-bin", best)...)
	if err != nil {
		return "", err
	}
	if couldNotLook(res) {
		return "", u.failed("installing Python "+best, res)
	}
	if res.ExitCode != 0 {
		return "", none(errorText(res.Tail))
	}
	path, err = u.findPython(ctx, best)
	if err == nil && path == "" {
		err = none("it was installed and is not found")
	}
	return path, err
}

// couldNotLook reports whether uv failed to look for a Python (no locks, no
// descriptors, no space, no cache, killed). Otherwise there is no such Python.
func couldNotLook(res execx.Result) bool {
	for _, sign := range []string{"acquire lock", "initialize cache", "os error 24", "os error 27", "os error 28", "os error 30", "os error 122"} {
		if res.ExitCode > 0 && strings.Contains(res.Tail, sign) {
			return true
		}
	}
	return res.ExitCode < 0
}

// noPython returns the error for a plan without a suitable Python.
func noPython(p profile.Plan, why string) error {
	best := cmp.Or(p.Python.Best, pythonRange(p.Python), orAnyPython(""))
	return fault.New(fault.NoPython, "no Python %s is on this machine%s", cmp.Or(pythonRange(p.Python), best), why).
		Fix("install Python %s, or let uv do it: uv python install %s", best, fault.Quote(best))
}

// Python returns an installed base interpreter for a plan. Without one, the
// error is a fault.NoPython. It downloads nothing.
func (u *UV) Python(ctx context.Context, p profile.Plan) (string, error) {
	wants := []string{p.Python.Best, pythonRange(p.Python)}
	if p.Python.Best == "" && pythonRange(p.Python) == "" {
		wants = []string{orAnyPython("")}
	}
	for _, want := range wants {
		if want == "" {
			continue
		}
		if path, err := u.findPython(ctx, want); err != nil || path != "" {
			return path, err
		}
	}
	return "", noPython(p, "")
}

// findPython asks uv for an interpreter. "" means that there is none.
func (u *UV) findPython(ctx context.Context, want string) (string, error) {
	res, err := u.run(ctx, "", nil, u.common("python", "find", "--no-project", "--system", "--no-python-downloads", want)...)
	if err == nil && couldNotLook(res) {
		err = u.failed("looking for Python "+want, res)
	}
	if err != nil || res.ExitCode != 0 {
		return "", err
	}
	return filepath.Clean(strings.TrimSpace(string(res.Stdout))), nil
}

// resolution is the state of resolving one plan.
type resolution struct {
	uv     *UV
	plan   profile.Plan
	python string
	dir    string
	notes  []string
	pip    string        // a pip wheel, if the index has no pip
	kept   []profile.Pin // the soft pins that resolved
	cool   *cooldown
	built  []string // packages that uv builds, because nothing resolves with wheels of them

	replacedIndex    string // the torch index that could not be reached
	replacedPackages string // the packages that should have come from it
}

// unsolvable is uv's explanation that versions contradict each other.
type unsolvable struct {
	text   string
	output string // all that uv said; its hints are in it
}

// Error returns uv's explanation.
func (e *unsolvable) Error() string { return e.text }

// missing reports whether the index does not have a package, or none of its
// versions that are wanted.
func (e *unsolvable) missing() bool {
	return strings.Contains(e.text, " was not found in ") || strings.HasPrefix(e.text, "Because there is no version of ")
}

// solve tries the plan as it is. After a failure that has a known remedy it
// changes the plan and tries again. Each remedy removes its own cause, so this ends.
func (r *resolution) solve(ctx context.Context) (Lock, error) {
	for {
		l, err := r.resolveRelaxed(ctx)
		if err == nil {
			l, err = r.followTorch(ctx, l)
		}
		if err == nil {
			if r.replacedIndex != "" {
				r.notes = append(r.notes, r.replacementNote(l))
			}
			if note := r.cool.note(l); note != "" {
				r.notes = append(r.notes, note)
			}
			return l, nil
		}
		if !r.repair(ctx, err) {
			return Lock{}, r.userError(err)
		}
	}
}

// replacementNote returns a message for the user: a torch index was replaced, and
// what that means.
func (r *resolution) replacementNote(l Lock) string {
	if r.plan.HasTorch() {
		return fmt.Sprintf("torch index %s cannot be reached; the default index gives a CUDA build, which also runs on the CPU%s", r.replacedIndex, gigabytes(l.Download))
	}
	return fmt.Sprintf("index %s cannot be reached; %s comes from the default index", r.replacedIndex, r.replacedPackages)
}

// repair changes the plan if that can help, and reports whether it did.
func (r *resolution) repair(ctx context.Context, err error) bool {
	var f *fault.Error
	var un *unsolvable
	switch {
	case errors.As(err, &f) && f.Code == fault.NoIndex && r.plan.Accel == "cpu" && r.plan.TorchIndex != "" && strings.Contains(f.Text, host(r.plan.TorchIndex)):
		r.replacedIndex, r.replacedPackages = fault.Mask(r.plan.TorchIndex), strings.Join(r.plan.FromTorch, ", ")
		r.plan.TorchIndex, r.plan.FromTorch = "", nil
		r.plan.Hard = withoutLocal(r.plan.Hard)
		r.plan.Soft = withoutLocal(r.plan.Soft)
		return true
	case errors.As(err, &un) && strings.Contains(un.text, "pip was not found") && slices.Contains(r.plan.Packages, "pip"):
		// The app and its users expect pip. Use the wheel that ensurepip
		// includes.
		r.pip = r.bundledPip(ctx)
		if r.pip == "" {
			r.notes = append(r.notes, "the index has no pip and "+r.python+" carries none: the environment is made without it")
		}
		r.plan.Packages = slices.DeleteFunc(slices.Clone(r.plan.Packages), func(p string) bool { return p == "pip" })
		return true
	case errors.As(err, &un) && r.allowBuilds(un.output):
		return true
	case errors.As(err, &un) && (len(r.plan.Asked()) > 0 || r.plan.Own != "") && len(r.plan.Hard) > 0 && !un.missing():
		// A requirement that the user wrote needs other versions than the profile's,
		// as vllm needs its own torch.
		r.plan.Soft, r.plan.Hard = slices.Concat(r.plan.Hard, r.plan.Soft), nil
		return true
	}
	return errors.As(err, &un) && r.cool.waive(un.output)
}

// followTorch resolves once more if torchaudio does not fit a torch that a
// requirement changed. Since 2.11 torchaudio names no torch, so the newest one
// resolves with every torch (measured: torchaudio 2.11.0 with torch 2.6.0). Before,
// the two have the same version.
func (r *resolution) followTorch(ctx context.Context, l Lock) (Lock, error) {
	torch, audio := l.Version("torch"), l.Version("torchaudio")
	if len(r.plan.Extras) == 0 || torch == "" || audio == "" || requirement.CompareReleases(torch, "2.11") >= 0 || minorOf(torch) == minorOf(audio) {
		return l, nil
	}
	kept := slices.DeleteFunc(slices.Clone(r.kept), func(p profile.Pin) bool { return requirement.Normal(p.Name) == "torchaudio" })
	fitting, err := r.compile(ctx, append(kept, profile.Pin{Name: "torchaudio", Version: minorOf(torch) + ".*"}))
	var un *unsolvable
	if errors.As(err, &un) {
		l.Notes = append(l.Notes, fmt.Sprintf("torchaudio %s may not work: none that goes with torch %s can be had", audio, torch))
		return l, nil
	}
	if fitting.Relaxed = l.Relaxed; len(kept) < len(r.kept) {
		fitting.Relaxed = append(fitting.Relaxed, Relaxed{"torchaudio", audio, fitting.Version("torchaudio"), "it follows torch " + torch})
	}
	return fitting, err
}

// minorOf returns "2.6" for "2.6.0+cu124".
func minorOf(version string) string {
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	return major + "." + minor
}

// bundledPip returns the pip wheel that the Python includes for ensurepip, or "".
func (r *resolution) bundledPip(ctx context.Context) string {
	res, err := execx.Run(ctx, execx.Cmd{
		Path: r.python, Env: r.uv.env, Timeout: time.Minute,
		Args: []string{"-I", "-c", "import ensurepip, glob, os; print(*glob.glob(os.path.join(os.path.dirname(ensurepip.__file__), '_bundled', 'pip-*.whl')))"},
	})
	wheel := strings.TrimSpace(string(res.Stdout))
	if err != nil || res.ExitCode != 0 || !fsys.Reachable(wheel) {
		return ""
	}
	return wheel
}

// gigabytes describes the download of a fallback, or is "" if its size is not
// known.
func gigabytes(n int64) string {
	if n < 0 {
		return ""
	}
	return fmt.Sprintf(", and costs %.1f GB", float64(n)/1e9)
}

// withoutLocal removes the local version (+cpu) from every pin.
func withoutLocal(pins []profile.Pin) []profile.Pin {
	out := slices.Clone(pins)
	for i := range out {
		out[i].Version, _, _ = strings.Cut(out[i].Version, "+")
	}
	return out
}

// userError turns the final error into one for the user.
func (r *resolution) userError(err error) error {
	var un *unsolvable
	if !errors.As(err, &un) {
		return err
	}
	if r.uv.cfg.Offline && strings.Contains(un.text, "not found in the cache") {
		return offline("resolving versions failed: " + un.text)
	}
	if strings.Contains(un.text, "only unsupported wheel variants") {
		return fault.New(fault.NoSolution, "the index has only wheel variants, which uv %s does not install: %s", r.uv.Version, un.text).
			Fix("ask for another version, or name an index that has plain wheels: MODELRUN_INDEX_DEFAULT=URL")
	}
	if err := r.buildError(un); err != nil {
		return err
	}
	if asked := r.plan.Asked(); len(asked) > 0 { // the caller knows the command that helps
		from := ""
		if r.plan.Own != "" && !un.missing() {
			from = " together with the packages of " + r.plan.Own
		}
		return fault.New(fault.NoSolution, "%s cannot be had%s: %s", strings.Join(asked, ", "), from, un.text)
	}
	if r.plan.Own != "" {
		return fault.New(fault.NoSolution, "the versions of [envs.%q] do not resolve: %s", r.plan.Key, un.text).Fix("correct them in %s", r.plan.Own)
	}
	return fault.New(fault.NoSolution, "the versions that profile %s fixes do not resolve: %s", r.plan.Profile, un.text).
		Fix("correct those versions, or choose another profile: modelrun --profile NAME …")
}

// defaultIndex returns the default index of the plan alone, or "".
func (r *resolution) defaultIndex() string { return cmp.Or(r.plan.Terms.DefaultIndex, r.plan.Index) }

// compile asks uv for a lock, with these soft pins as constraints. If uv says that
// files have no date, it asks again without the cool-down for their packages.
func (r *resolution) compile(ctx context.Context, soft []profile.Pin) (Lock, error) {
	for {
		l, undated, err := r.compileOnce(ctx, soft)
		if !r.cool.exemptMore(undated) {
			return l, err
		}
		r.cool.undated = true
	}
}

// compileOnce runs uv once. undated are the packages with files that have no date,
// for which the cool-down applies.
func (r *resolution) compileOnce(ctx context.Context, soft []profile.Pin) (l Lock, undated []string, err error) {
	file, constraints, out := filepath.Join(r.dir, "pyproject.toml"), filepath.Join(r.dir, "constraints.txt"), filepath.Join(r.dir, "pylock.toml")
	var lines strings.Builder
	for _, c := range r.plan.Terms.Constraints {
		fmt.Fprintln(&lines, c)
	}
	for _, pin := range soft {
		fmt.Fprintf(&lines, "%s==%s\n", pin.Name, pin.Version)
	}
	if err := errors.Join(os.WriteFile(file, pyproject(r.plan), 0o600), os.WriteFile(constraints, []byte(lines.String()), 0o644)); err != nil {
		return l, undated, err
	}
	u, err := withBuildRequires(r.uv, filepath.Join(r.dir, "uv.toml"), r.plan.Terms.Build, r.built, Lock{})
	if err != nil {
		return l, undated, err
	}
	args := u.common("pip", "compile", file, "-c", constraints, "--format", "pylock.toml", "-o", out, "--python", r.python, "--upgrade")
	args = slices.Concat(args, onlyWheels(r.built), r.cool.args(soft), r.uv.cfg.findLinks())
	if r.cool.before == "" {
		args = append(args, "--quiet") // which also hides that files have no date
	}
	res, err := u.withIndexes(r.defaultIndex(), slices.Clone(r.plan.Terms.Indexes)...).withTempDir(r.dir).run(ctx, r.dir, func(line string) {
		if name := undatedPackage(line); name != "" {
			undated = append(undated, name)
		}
	}, args...)
	if err != nil {
		return l, undated, err
	}
	if res.ExitCode != 0 {
		if text := contradiction(res.Tail); text != "" {
			if name := r.notServed(text); name != "" {
				return l, undated, fault.New(fault.NoIndex, "torch index %s cannot be reached, refuses, or has no %s: %s", fault.Mask(r.plan.TorchIndex), name, text).
					Fix("check its address, the network and the credentials, or name another one: MODELRUN_INDEX_TORCH=URL (may hold {accel})")
			}
			if isDamagedWheel(text) {
				return l, undated, r.uv.badWheel("resolving versions failed: " + text)
			}
			return l, undated, &unsolvable{text, res.Tail}
		}
		return l, undated, r.uv.failed("resolving versions", res)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		return l, undated, err
	}
	l, err = ParseLock(data)
	return l, undated, err
}

// notServed returns the package for which the torch index has no page, or "".
// uv reports this as unsolvable if a file:// index does not exist, and for the
// responses 401, 403 and 404 (measured).
func (r *resolution) notServed(text string) string {
	if r.plan.TorchIndex == "" {
		return ""
	}
	for _, name := range r.plan.FromTorch {
		for _, before := range []string{"Because ", " and "} {
			if strings.Contains(text, before+name+" was not found in the package registry") {
				return name
			}
		}
	}
	return ""
}
