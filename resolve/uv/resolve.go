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

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/profile"
)

// Resolve settles every version of a plan before a byte of it is downloaded.
//
// Hard pins never give way. Soft pins are taken in order while they still
// resolve; what had to give way stands in Lock.Relaxed. A torch index that
// cannot be reached is replaced for the accelerator "cpu" only: the default
// index has CUDA builds, which run without a GPU.
func (u *UV) Resolve(ctx context.Context, p profile.Plan) (Lock, error) {
	p = p.WithTorchIndex(u.cfg.IndexTorch)
	python, err := u.python(ctx, p)
	if err != nil {
		return Lock{}, err
	}
	// Named like staging, so that the next creation sweeps it after a kill.
	work := u.cfg.Root.Staging(cmp.Or(p.Key, "resolve"), fsys.RandomHex(8)).Path
	if err := fsys.MkdirLike(work); err != nil { // with the mode of .envs: a team shares .tmp
		return Lock{}, err
	}
	defer os.RemoveAll(work)
	// What resolving unpacks, to read its metadata, uv does not install from.
	cached := map[string]bool{}
	if !u.cfg.NoCache {
		unpacked(u.cacheDir(), map[string]bool{}, cached)
	}
	r := &resolution{uv: u, plan: p, python: python, dir: work}
	l, err := r.settle(ctx)
	if err != nil {
		return Lock{}, err
	}
	l.Python, l.cached = python, cached
	l.Notes = append(r.notes, l.Notes...)
	l.Pip = r.pip
	l.index, l.torchIndex = r.plan.Index, r.plan.TorchIndex
	return l, nil
}

// python is the base interpreter: the recommended version, else any of the
// range, else the recommended one, downloaded by uv.
func (u *UV) python(ctx context.Context, p profile.Plan) (string, error) {
	path, err := u.Python(ctx, p)
	if err == nil || fault.CodeOf(err) != fault.NoPython {
		return path, err
	}
	best := cmp.Or(p.PythonBest, pythonRange(p), orAny(""))
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
		return "", none(lastWords(res.Tail))
	}
	path, err = u.findPython(ctx, best)
	if err == nil && path == "" {
		err = none("it was installed and is not found")
	}
	return path, err
}

// couldNotLook tells "uv could not look" (no locks, no descriptors, no space,
// no cache, killed) from "there is no such Python".
func couldNotLook(res execx.Result) bool {
	for _, sign := range []string{"acquire lock", "initialize cache", "os error 24", "os error 27", "os error 28", "os error 30", "os error 122"} {
		if res.ExitCode > 0 && strings.Contains(res.Tail, sign) {
			return true
		}
	}
	return res.ExitCode < 0
}

func noPython(p profile.Plan, why string) error {
	best := cmp.Or(p.PythonBest, pythonRange(p), orAny(""))
	e := fault.New(fault.NoPython, "no Python %s is on this machine%s", cmp.Or(pythonRange(p), best), why)
	if p.PythonAlso != "" {
		also, mend := p.PythonAlso, "use another profile, or correct that"
		if v, ok := strings.CutPrefix(also, "=="); ok && strings.Count(v, ".") == 1 && !strings.ContainsAny(v, "*,") {
			mend = also + " is " + v + ".0 alone, any " + v + " is " + also + ".*"
		}
		p.PythonAlso = ""
		return e.Fix("%s has Python %s, and %s is asked for by --with or the script's requires-python: %s", cmp.Or(p.Own, "profile "+p.Profile), orAny(pythonRange(p)), also, mend)
	}
	return e.
		Fix("install Python %s, or let uv do it: uv python install %s", best, best)
}

// Python is the base interpreter that is there for a plan; the error is a
// fault.NoPython where there is none. Nothing is downloaded.
func (u *UV) Python(ctx context.Context, p profile.Plan) (string, error) {
	wants := []string{p.PythonBest, pythonRange(p)}
	if p.PythonBest == "" && pythonRange(p) == "" {
		wants = []string{orAny("")}
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

// findPython asks uv for an interpreter; "" is none.
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

// resolution is one plan being resolved.
type resolution struct {
	uv     *UV
	plan   profile.Plan
	python string
	dir    string
	notes  []string
	pip    string // a wheel, where the index has none

	lostIndex string // the torch index that could not be reached and was replaced
	lost      string // what would have come from it
}

// unsolvable is uv's word that versions contradict each other.
type unsolvable struct{ words string }

func (e *unsolvable) Error() string { return e.words }

// settle tries the plan as it is, and mends what can be mended, each once.
func (r *resolution) settle(ctx context.Context) (Lock, error) {
	for mended := 0; ; mended++ {
		l, err := r.relaxed(ctx)
		if err == nil {
			if r.lostIndex != "" {
				r.notes = append(r.notes, r.instead(l))
			}
			if sources := l.sources(); sources != "" {
				r.notes = append(r.notes, sources+" comes as source and is built here: that may take minutes, and a compiler")
			}
			return l, nil
		}
		if mended > 2 || !r.mend(ctx, err) {
			return Lock{}, r.tell(err)
		}
	}
}

// instead says what came of the torch index that was replaced.
func (r *resolution) instead(l Lock) string {
	if r.plan.HasTorch() {
		return fmt.Sprintf("torch index %s cannot be reached; the default index gives a CUDA build, which also runs on the CPU%s", r.lostIndex, gigabytes(l.Download))
	}
	return fmt.Sprintf("index %s cannot be reached; %s comes from the default index", r.lostIndex, r.lost)
}

// mend changes the plan so that another try makes sense.
func (r *resolution) mend(ctx context.Context, err error) bool {
	var f *fault.Error
	var un *unsolvable
	switch {
	case errors.As(err, &f) && f.Code == fault.NoIndex && r.plan.Accel == "cpu" && r.plan.TorchIndex != "" && strings.Contains(f.Text, host(r.plan.TorchIndex)):
		r.lostIndex, r.lost = fault.Mask(r.plan.TorchIndex), strings.Join(r.plan.FromTorch, ", ")
		r.plan.TorchIndex, r.plan.FromTorch = "", nil
		r.plan.Hard = withoutLocal(r.plan.Hard)
		r.plan.Soft = withoutLocal(r.plan.Soft)
		return true
	case errors.As(err, &un) && strings.Contains(un.words, "pip was not found") && slices.Contains(r.plan.Packages, "pip"):
		// The app and its users expect pip: ensurepip carries one.
		r.pip = r.uv.bundledPip(ctx, r.python)
		if r.pip == "" {
			r.notes = append(r.notes, "the index has no pip and "+r.python+" carries none: the environment is made without it")
		}
		r.plan.Packages = slices.DeleteFunc(slices.Clone(r.plan.Packages), func(p string) bool { return p == "pip" })
		return true
	}
	return false
}

// gigabytes is what a fallback costs, "" when the index does not say.
func gigabytes(n int64) string {
	if n < 0 {
		return ""
	}
	return fmt.Sprintf(", and costs %.1f GB", float64(n)/1e9)
}

// withoutLocal takes the +cpu off every version.
func withoutLocal(pins []profile.Pin) []profile.Pin {
	out := slices.Clone(pins)
	for i := range out {
		out[i].Version, _, _ = strings.Cut(out[i].Version, "+")
	}
	return out
}

// tell turns what is left into what the user sees.
func (r *resolution) tell(err error) error {
	var un *unsolvable
	if !errors.As(err, &un) {
		return err
	}
	if r.uv.cfg.Offline && strings.Contains(un.words, "not found in the cache") {
		return offline("resolving versions failed: " + un.words)
	}
	if with := slices.Clone(r.plan.Extras); len(with) > 0 {
		for i := range with {
			with[i] = "--with " + fault.Quote(with[i])
		}
		from := " together with " + cmp.Or(r.plan.Own, "what profile "+r.plan.Profile+" fixes")
		if strings.Contains(un.words, " was not found in ") || strings.HasPrefix(un.words, "Because there is no version of ") {
			from = "" // nor alone
		}
		return fault.New(fault.NoSolution, "%s cannot be had%s: %s", strings.Join(r.plan.Extras, ", "), from, un.words).
			Fix("correct the name or the version of what is wanted (%s, or the script's dependencies), or use another profile or env key", strings.Join(with, " "))
	}
	if r.plan.Own != "" {
		return fault.New(fault.NoSolution, "the versions of [envs.%q] do not resolve: %s", r.plan.Key, un.words).Fix("correct them in %s", r.plan.Own)
	}
	return fault.New(fault.NoSolution, "the versions that profile %s fixes do not resolve: %s", r.plan.Profile, un.words).
		Fix("choose another profile (modelrun --profile NAME …) or correct those versions")
}

// compile asks uv for a lock with these soft pins as constraints.
func (r *resolution) compile(ctx context.Context, soft []profile.Pin) (Lock, error) {
	file, constraints, out := filepath.Join(r.dir, "pyproject.toml"), filepath.Join(r.dir, "constraints.txt"), filepath.Join(r.dir, "pylock.toml")
	var lines strings.Builder
	for _, pin := range soft {
		fmt.Fprintf(&lines, "%s==%s\n", pin.Name, pin.Version)
	}
	if err := errors.Join(os.WriteFile(file, pyproject(r.plan), 0o644), os.WriteFile(constraints, []byte(lines.String()), 0o644)); err != nil {
		return Lock{}, err
	}
	args := r.uv.common("pip", "compile", file, "-c", constraints, "--format", "pylock.toml", "-o", out, "--python", r.python, "--quiet", "--upgrade")
	res, err := r.uv.from(r.plan.Index).scratch(r.dir).run(ctx, r.dir, nil, append(args, r.uv.cfg.links()...)...)
	if err != nil {
		return Lock{}, err
	}
	if res.ExitCode != 0 {
		if words := contradiction(res.Tail); words != "" {
			if name := r.notServed(words); name != "" {
				return Lock{}, fault.New(fault.NoIndex, "torch index %s cannot be reached, refuses, or has no %s: %s", fault.Mask(r.plan.TorchIndex), name, words).
					Fix("check its address, the network and the credentials, or name another one: MODELRUN_INDEX_TORCH=URL (may hold {accel})")
			}
			if damaged(words) {
				return Lock{}, r.uv.badWheel("resolving versions failed: " + words)
			}
			return Lock{}, &unsolvable{words}
		}
		return Lock{}, r.uv.failed("resolving versions", res)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		return Lock{}, err
	}
	return parseLock(data)
}

// notServed is the package that the torch index has no page for, "" none: uv
// calls it unsolvable when a file:// index is not there, and for 401, 403 and
// 404 (measured).
func (r *resolution) notServed(words string) string {
	if r.plan.TorchIndex == "" {
		return ""
	}
	for _, name := range r.plan.FromTorch {
		for _, before := range []string{"Because ", " and "} {
			if strings.Contains(words, before+name+" was not found in the package registry") {
				return name
			}
		}
	}
	return ""
}
