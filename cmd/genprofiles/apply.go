package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/profile"
)

// made returns the profile with its new entries. Those that run here are made and
// imported first. An entry that cannot be used is not written.
func (g generator) made(ctx context.Context, f *file, found fresh) (*file, error) {
	if g.maker == nil || !runsHere(f.Accelerator) {
		return f.with(found), nil
	}
	candidate := f.with(found)
	for _, family := range slices.Sorted(maps.Keys(found)) {
		e := found[family]
		if e == nil || e.Verified.Level != profile.Resolved || family == "vllm" { // vllm wants its GPU
			continue
		}
		err := g.maker.make(ctx, candidate, family, e)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err == nil {
			e.Verified.Level = profile.Imported
			continue
		}
		fmt.Fprintf(g.log, "%s: %s is kept: %v\n", f.ProfileID, family, err)
		delete(found, family)
		if family == profile.DefaultFamily { // both lines have one torch
			delete(found, profile.Transformers5)
		} else if family == profile.Transformers5 {
			delete(found, profile.DefaultFamily)
		}
	}
	return f.with(found), nil
}

// runsHere reports whether an env for an accelerator can be imported on this
// machine. CUDA's builds can without a GPU.
func runsHere(accel string) bool {
	_, _, isCUDA := cuda(accel)
	return accel == "cpu" || isCUDA && runtime.GOOS == "linux" || accel == "mps" && runtime.GOOS == "darwin"
}

// with returns a copy of the profile with other entries. The Pythons of an entry
// that is not among them stay what they were.
func (f *file) with(found fresh) *file {
	out := *f
	out.Families = maps.Clone(f.Families)
	pythons := map[string]python{}
	for name, e := range out.Families {
		pythons[name] = e.Python.within(*f.Python)
	}
	for name, e := range found {
		switch {
		case e == nil:
			delete(out.Families, name)
		case name == profile.DefaultFamily:
			out.versions = e.versions
			all := e.Python.within(*f.Python)
			out.Python = &all
		default:
			out.Families[name] = e
			pythons[name] = e.Python.within(*f.Python)
		}
	}
	for name, e := range out.Families {
		e := *e
		e.Python = pythons[name].beyond(*out.Python)
		out.Families[name] = &e
	}
	return &out
}

// within returns the range of an entry in a profile with the range all.
func (p *python) within(all python) python {
	if p == nil {
		return all
	}
	return python{Min: cmp.Or(p.Min, all.Min), Max: cmp.Or(p.Max, all.Max), Recommended: cmp.Or(p.Recommended, all.Recommended)}
}

// beyond returns what of a range differs from all, or nil.
func (p python) beyond(all python) *python {
	differs := func(a, b string) string {
		if a == b {
			return ""
		}
		return a
	}
	d := python{Min: differs(p.Min, all.Min), Max: differs(p.Max, all.Max), Recommended: differs(p.Recommended, all.Recommended)}
	if d == (python{}) {
		return nil
	}
	return &d
}

// maker makes envs with modelrun itself, in a root of its own.
type maker struct {
	modelrun string // the program
	root     envdir.Root
	env      execx.Environ
}

// make makes the env of one entry, which modelrun probes, and imports every package
// that the entry fixes.
func (m maker) make(ctx context.Context, f *file, family string, e *entry) error {
	data, err := f.bytes()
	if err != nil {
		return err
	}
	file := filepath.Join(m.root.Profiles(), f.ProfileID+".json")
	if err := errors.Join(os.MkdirAll(m.root.Profiles(), 0o755), os.WriteFile(file, data, 0o644)); err != nil {
		return err
	}
	defer os.Remove(file)
	kind, _ := profile.FamilyNamed(family)
	key := string(kind.Key(f.Accelerator, len(kind.Bnb) > 0))
	var modules []string
	for _, name := range e.Packages.names() {
		modules = append(modules, strings.ReplaceAll(strings.TrimSuffix(name, "-gpu"), "-", "_")) // onnxruntime-gpu is onnxruntime
	}
	for _, args := range [][]string{{"ensure", "-e", key}, {"-e", key, "--", "python", "-c", "import " + strings.Join(modules, ", ")}} {
		res, err := execx.Run(ctx, execx.Cmd{Path: m.modelrun, Args: args, Env: m.env, Dir: string(m.root), Output: os.Stderr})
		if err != nil {
			return err
		}
		if res.ExitCode != 0 {
			return fmt.Errorf("modelrun %s: %s", strings.Join(args, " "), strings.TrimSpace(res.Tail))
		}
	}
	return nil
}
