package shim

import (
	"context"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// Who may say what is needed beyond the key: everybody who may say what is
// started, a project's file and a script among them, in any root. Unlike [index]
// and [envs] of a project it changes no env that others share: it leads to an env
// under a key made of its own content, filled from indexes that the user chose.
// A package may run code (a .pth file, a source that is built), but so does the
// program that is started from that project, and [env] could do as much.

// scriptNeeds are the dependencies and requires-python of a PEP 723 block.
type scriptNeeds struct {
	Dependencies   []string `toml:"dependencies"`
	RequiresPython string   `toml:"requires-python"`
}

// readNeeds parses what is wanted beyond the key: the setting, and always what
// the script says that it needs.
func (s *settings) readNeeds() error {
	if one := s.one[sWith]; one.value != "" {
		code, from, list := fault.BadConfig, one.from, strings.Fields(one.value)
		if strings.HasPrefix(from, "flag ") {
			code = fault.BadUsage
		} else if !strings.HasPrefix(from, "variable ") {
			from += ": with"
		}
		if rest, lines := strings.CutSuffix(one.value, "\n"); lines {
			list = strings.Split(rest, "\n")
		}
		for _, text := range list {
			if err := s.need(text, code, from); err != nil {
				return err
			}
		}
	}
	for _, text := range s.script.Dependencies {
		if err := s.need(text, fault.BadScript, s.scriptFrom+": dependencies"); err != nil {
			return err
		}
	}
	if text := s.script.RequiresPython; text != "" { // the blank: "3.11" makes no package python3.11 of it
		return s.need(requirement.Python+" "+text, fault.BadScript, s.scriptFrom+": requires-python")
	}
	return nil
}

func (s *settings) need(text string, code fault.Code, from string) error {
	r, err := requirement.Parse(text)
	if err != nil {
		python := strings.HasSuffix(from, "requires-python")
		if python {
			text = strings.TrimPrefix(text, requirement.Python+" ")
		}
		f := fault.New(code, "%s: %q cannot be used: %w", from, fault.Mask(text), err)
		if python {
			return f.Fix(`write versions, for example ">=3.10"`)
		}
		return f.Fix(`name packages with their versions, for example "rich>=13"; for a URL or a folder describe an env of your own in %s: [envs."my-key"]`, projectFile)
	}
	s.needs = append(s.needs, r)
	return nil
}

// extras settles the key for needs beyond that of t. What the key itself stands
// for is no need beyond it.
func (s *session) extras(ctx context.Context, t *target) error {
	t.base = t.key
	for _, r := range requirement.Set(slices.Concat(s.set.needs, t.sealed)) {
		if r.Applies(requirement.Here("")) && !(r.Bare() && (r.Name == requirement.Python || t.holds(r.Name))) {
			t.with = append(t.with, r)
		}
	}
	if len(t.with) == 0 {
		return nil
	}
	key, err := t.base.WithExtras(requirement.Hash(t.with))
	if err != nil {
		return err
	}
	if exists(s.root.Shared(key).Path) || exists(s.root.Next(key).Path) || !s.covered(ctx, *t) {
		t.key = key
	}
	return nil
}

// holds reports whether a package is one that the key itself stands for.
func (t target) holds(name string) bool {
	packages := t.family.Packages
	if t.bnb {
		packages = slices.Concat(packages, t.family.Bnb)
	}
	if t.own != nil {
		packages = t.own.Packages
	}
	return slices.ContainsFunc(packages, func(p string) bool { return requirement.NameOf(p) == name })
}

// covered reports whether the env of the key itself has the needs for certain:
// as it is, and when it is built anew.
func (s *session) covered(ctx context.Context, t target) bool {
	for _, r := range t.with {
		if r.Name != requirement.Python && !t.holds(r.Name) {
			return false
		}
	}
	if lacks, err := health.Lacks(s.root.Shared(t.base), t.with); err != nil || len(lacks) > 0 {
		return false
	}
	plan, err := s.plan(ctx, t)
	return err == nil && !slices.ContainsFunc(t.with, func(r requirement.Requirement) bool { return !plan.Covers(r) })
}

// sealedNeeds is for a key that names an env with extras: its seal says which.
func (s *session) sealedNeeds(key envdir.Key) (base envdir.Key, with []requirement.Requirement) {
	base, hash, ok := key.Extras()
	if !ok {
		return key, nil
	}
	seal, _, err := health.ReadSeal(s.root.Shared(key))
	if err != nil {
		return key, nil
	}
	for _, text := range seal.With {
		if r, err := requirement.Parse(text); err == nil {
			with = append(with, r)
		}
	}
	if requirement.Hash(with) != hash {
		return key, nil
	}
	return base, with
}
