package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// generator writes the entries of profiles again. It writes only versions that an
// index gave. An entry whose index cannot be asked stays as it is.
type generator struct {
	resolver
	source string       // the default index, as the record names it
	date   string       // of today
	needs  map[int]line // what the lines of transformers need, by line
	family string       // the only family whose entries are written; "" for all
	maker  *maker       // makes envs of the entries; nil if they are only resolved
	log    io.Writer
}

// fresh has the new entries of one profile by family. The profile has its entry of
// line 4 of transformers at its top. nil removes an entry.
type fresh map[string]*entry

// pinned are the packages that both lines of transformers fix. Others follow from
// them, or may be any.
var pinned = []string{"torch", "torchvision", "torchaudio", "transformers", "peft", "accelerate", "bitsandbytes"}

// profile returns the profile with new versions.
func (g generator) profile(ctx context.Context, f *file) (*file, error) {
	index, unasked := g.index(ctx, f)
	if unasked != nil {
		fmt.Fprintf(g.log, "%s: %s cannot be asked: %v\n", f.ProfileID, f.TorchIndex, unasked)
	}
	found := fresh{}
	if g.family == "" {
		found = g.bothLines(ctx, f, index, unasked)
	}
	for _, name := range slices.Sorted(maps.Keys(f.Families)) {
		if name == profile.Transformers5 || len(f.Families[name].Packages) == 0 || g.family != "" && g.family != name {
			continue
		}
		if e, err := g.other(ctx, f.with(found), name, index, unasked); err == nil {
			found[name] = e
		} else {
			fmt.Fprintf(g.log, "%s: %s is kept: %v\n", f.ProfileID, name, err)
		}
	}
	return g.made(ctx, f, found)
}

// bothLines returns the new entries of the lines of transformers. If torch's index
// cannot be asked, only line 5 is written again.
func (g generator) bothLines(ctx context.Context, f *file, index string, unasked error) fresh {
	if unasked == nil {
		found, err := g.lines(ctx, f, index)
		if err != nil {
			fmt.Fprintf(g.log, "%s: both lines of transformers are kept: %v\n", f.ProfileID, err)
			return fresh{}
		}
		return found
	}
	e, err := g.besideTorch(ctx, f, profile.Transformers5, f.versions, map[string]string{"transformers": from5}, pinned)
	if err != nil {
		fmt.Fprintf(g.log, "%s: %s is kept: %v\n", f.ProfileID, profile.Transformers5, err)
		return fresh{}
	}
	return fresh{profile.Transformers5: e}
}

// index returns the index that is asked for torch, as modelrun itself does: that of
// the profile, or for the CPU also the default one, "".
func (g generator) index(ctx context.Context, f *file) (string, error) {
	if f.TorchIndex == "" {
		return "", nil
	}
	q := request{packages: []string{"torch"}, index: f.TorchIndex, from: []string{"torch"}, platform: platform(f, profile.DefaultFamily), python: f.Python.Recommended}
	_, err := g.resolve(ctx, q)
	if err != nil && f.Accelerator == "cpu" {
		fmt.Fprintf(g.log, "%s: the default index is asked for torch, because %s cannot be: %v\n", f.ProfileID, f.TorchIndex, err)
		return "", nil
	}
	return f.TorchIndex, err
}

// platform is the oldest system that counts: RHEL 8 or Ubuntu 20.04. macOS is that of
// MACOSX_DEPLOYMENT_TARGET.
func platform(f *file, family string) string {
	switch {
	case f.Accelerator == "mps":
		return "macos"
	case family == "vllm":
		return "x86_64-manylinux_2_31"
	}
	return "x86_64-manylinux_2_28"
}

// question returns the request for a family's packages. fixed has what is known of
// their versions: "torch": "==2.15.0".
func question(f *file, family, index string, fixed map[string]string, without ...string) request {
	kind, _ := profile.FamilyNamed(family)
	kind = kind.For(f.Accelerator)
	q := request{platform: platform(f, family), python: f.Python.Recommended, index: index, limits: cudaLimits(f.Accelerator, hasTorch(kind), index)}
	for _, text := range slices.Concat(kind.Packages, kind.Bnb) {
		name := requirement.NameOf(text)
		if name == "pip" || slices.Contains(without, name) {
			continue
		}
		q.packages = append(q.packages, text+fixed[name])
		if strings.HasPrefix(name, "torch") {
			q.from = append(q.from, name)
		}
	}
	if index != "" && hasTorch(kind) {
		q.packages, q.from = append(q.packages, f.IndexPackages...), append(q.from, f.IndexPackages...)
	}
	return q
}

func hasTorch(kind profile.Family) bool { return slices.Contains(kind.Packages, "torch") }

// newest returns the newest versions of a family. They are for the accelerator.
func (g generator) newest(ctx context.Context, f *file, family, index string, fixed map[string]string, without ...string) (set, error) {
	q := question(f, family, index, fixed, without...)
	s, err := g.resolve(ctx, q)
	if err != nil {
		return nil, err
	}
	return s, s.checkCUDA(f.Accelerator, slices.Contains(q.packages, "torch"+fixed["torch"]), index)
}

// lines finds the newest versions of both lines of transformers beside one torch.
func (g generator) lines(ctx context.Context, f *file, index string) (fresh, error) {
	four, five, err := g.sameTorch(ctx, f, index)
	if err != nil {
		return nil, err
	}
	torch := public(four["torch"])
	without := []string(nil)
	// torchaudio has the number of its torch. A later torch than the last torchaudio
	// resolves with it.
	audio := map[string]string{"torch": "==" + four["torch"], "transformers": below5, "torchaudio": "==" + minorOf(torch) + ".*"}
	switch with, err := g.newest(ctx, f, profile.DefaultFamily, index, audio); {
	case err == nil:
		four["torchaudio"], five["torchaudio"] = with["torchaudio"], with["torchaudio"]
	case errors.Is(err, errUnsolvable):
		without = []string{"torchaudio"}
		fmt.Fprintf(g.log, "%s: without torchaudio: none follows torch %s\n", f.ProfileID, torch)
	default:
		return nil, err
	}
	found := fresh{}
	for family, s := range map[string]set{profile.DefaultFamily: four, profile.Transformers5: five} {
		if s["transformers"] == "" { // the line needs a newer torch
			found[family] = nil
			continue
		}
		old := f.Packages
		if family == profile.Transformers5 && f.Families[family] != nil {
			old = f.Families[family].Packages
		}
		e := &entry{versions: versions{s.pins(pinned, f.Accelerator == "cpu"), without, g.resolved(index)}}
		if err := notOlder(old, e.Packages, pinned...); err != nil {
			return nil, err
		}
		if e.Python, err = g.pythons(ctx, f, question(f, family, index, e.Packages.fixed(), without...)); err != nil {
			return nil, err
		}
		found[family] = e
	}
	return found, nil
}

// The two lines, as requirements.
const (
	below5 = "<5"
	from5  = ">=5,<6"
)

// sameTorch returns the newest versions of both lines beside the newest torch that
// both take. five is empty if that torch is too old for line 5.
func (g generator) sameTorch(ctx context.Context, f *file, index string) (four, five set, err error) {
	five, err = g.newest(ctx, f, profile.Transformers5, index, map[string]string{"transformers": from5}, "torchaudio")
	if err == nil && g.serves5(five) {
		four, err = g.newest(ctx, f, profile.DefaultFamily, index, beside(five, below5), "torchaudio")
		if !errors.Is(err, errUnsolvable) {
			return four, five, err
		}
	}
	if err != nil && !errors.Is(err, errUnsolvable) {
		return nil, nil, err
	}
	four, err = g.newest(ctx, f, profile.DefaultFamily, index, map[string]string{"transformers": below5}, "torchaudio")
	if err != nil {
		return nil, nil, err
	}
	five, err = g.newest(ctx, f, profile.Transformers5, index, beside(four, from5), "torchaudio")
	if err != nil && !errors.Is(err, errUnsolvable) {
		return nil, nil, err
	}
	if err != nil || !g.serves5(five) {
		fmt.Fprintf(g.log, "%s: torch %s is too old for line 5 of transformers\n", f.ProfileID, four["torch"])
		five = set{}
	}
	return four, five, nil
}

// serves5 reports whether line 5 accepts the torch of a set. That it resolves beside
// an older one means nothing.
func (g generator) serves5(s set) bool {
	return requirement.CompareReleases(s["torch"], g.needs[5].torch) >= 0
}

// beside fixes torch and torchvision to those of a set.
func beside(s set, line string) map[string]string {
	return map[string]string{"transformers": line, "torch": "==" + s["torch"], "torchvision": "==" + s["torchvision"]}
}

// besideTorch finds the versions of a family for a profile whose index cannot be asked:
// torch's packages stay those of another entry, and the others are those that resolve
// in the default index beside torch's public version. fixed bounds them. The entry has
// the packages of names.
func (g generator) besideTorch(ctx context.Context, f *file, family string, from versions, fixed map[string]string, names []string) (*entry, error) {
	torch := from.Packages.version("torch")
	if requirement.CompareReleases(torch, g.needs[5].torch) < 0 {
		return nil, fmt.Errorf("torch %s is too old for it", torch)
	}
	var old pins
	if e := f.Families[family]; e != nil {
		if old = e.Packages; e.Verified.Level == profile.Resolved || e.Verified.Level == profile.Imported {
			return nil, errors.New("it was verified where its index can be asked")
		}
	}
	fixed = maps.Clone(fixed)
	for _, pin := range from.Packages {
		if strings.HasPrefix(pin.Name, "torch") {
			fixed[pin.Name] = "==" + public(pin.Version)
		}
	}
	kind, _ := profile.FamilyNamed(family)
	without := slices.DeleteFunc(slices.Clone(from.Without), func(name string) bool { return !slices.Contains(kind.Packages, name) })
	q := question(f, family, "", fixed, without...)
	q.limits = nil // the torch of the default index may be for another CUDA
	s, err := g.resolve(ctx, q)
	if err != nil {
		return nil, err
	}
	again := question(f, family, "", s.pins(names, true).fixed(), without...)
	again.limits = nil
	for _, pin := range from.Packages {
		if _, has := s[pin.Name]; has && strings.HasPrefix(pin.Name, "torch") {
			s[pin.Name] = pin.Version
		}
	}
	e := &entry{versions: versions{s.pins(names, false), without, profile.Verified{
		Level: profile.Unverified, Date: g.date, Source: g.source + ", beside torch " + torch + " of that index",
	}}}
	if err := notOlder(old, e.Packages, names...); err != nil {
		return nil, err
	}
	e.Python, err = g.pythons(ctx, f, again)
	return e, err
}

// other finds the versions of a family other than transformers. One that has both
// torch and transformers gets those of line 5, so that a second env costs megabytes.
func (g generator) other(ctx context.Context, f *file, name, index string, unasked error) (*entry, error) {
	e := *f.Families[name]
	old := e.Packages
	kind, ok := profile.FamilyNamed(name)
	if !ok {
		return nil, errors.New("there is no such family")
	}
	var fixed map[string]string
	if hasTorch(kind) && slices.Contains(kind.Packages, "transformers") {
		five := f.Families[profile.Transformers5]
		if five == nil {
			return nil, errors.New("there is no line 5 of transformers")
		}
		if fixed = five.Packages.fixed(); unasked != nil {
			return g.besideTorch(ctx, f, name, five.versions, fixed, old.names())
		}
	}
	switch {
	case e.TorchIndex == "default" || !hasTorch(kind):
		index = ""
	case e.TorchIndex != "":
		index = e.TorchIndex
	}
	s, err := g.newest(ctx, f, name, index, fixed)
	if err != nil {
		return nil, err
	}
	e.Packages, e.Verified = s.pins(old.names(), f.Accelerator == "cpu"), g.resolved(index)
	if err := notOlder(old, e.Packages, kind.Main...); err != nil {
		return nil, err
	}
	e.Python, err = g.pythons(ctx, f, question(f, name, index, e.Packages.fixed()))
	return &e, err
}

// pythons returns the range of the profile's Pythons with which a request resolves,
// or nil if that is all of them.
func (g generator) pythons(ctx context.Context, f *file, q request) (*python, error) {
	var good []string
	for v := minor(f.Python.Min); v <= minor(f.Python.Max); v++ {
		q.python = "3." + strconv.Itoa(v)
		switch _, err := g.resolve(ctx, q); {
		case err == nil:
			good = append(good, q.python)
		case !errors.Is(err, errUnsolvable):
			return nil, err
		}
	}
	if !slices.Contains(good, f.Python.Recommended) {
		return nil, fmt.Errorf("it does not resolve with Python %s", f.Python.Recommended)
	}
	return python{Min: good[0], Max: good[len(good)-1], Recommended: f.Python.Recommended}.beyond(*f.Python), nil
}

// resolved returns the record of versions that an index gave today.
func (g generator) resolved(index string) profile.Verified {
	return profile.Verified{Level: profile.Resolved, Date: g.date, Source: cmp.Or(index, g.source)}
}

// pins returns the versions of these packages that the set has, in this order.
func (s set) pins(names []string, withoutTag bool) pins {
	out := pins{}
	for _, name := range names {
		version, ok := s[name]
		if !ok {
			continue
		}
		if withoutTag {
			version = public(version)
		}
		out = append(out, profile.Pin{Name: name, Version: version})
	}
	return out
}

// fixed returns the pins as requirements, by name.
func (p pins) fixed() map[string]string {
	m := map[string]string{}
	for _, pin := range p {
		m[pin.Name] = "==" + pin.Version
	}
	return m
}

// notOlder returns an error if a package would go back. Without it, a request without
// a bound ends at the last version that states no bounds of its own.
func notOlder(old, found pins, names ...string) error {
	for _, name := range names {
		if was, is := old.version(name), found.version(name); was != "" && is != "" && requirement.CompareReleases(is, was) < 0 {
			return fmt.Errorf("%s would go back from %s to %s", name, was, is)
		}
	}
	return nil
}

// public returns a version without its local tag.
func public(version string) string {
	version, _, _ = strings.Cut(version, "+")
	return version
}

// minorOf returns "2.15" for "2.15.0".
func minorOf(version string) string {
	parts := strings.SplitN(version, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

// minor returns 12 for Python "3.12".
func minor(version string) int {
	n, _ := strconv.Atoi(strings.TrimPrefix(version, "3.")) // people wrote it, and a test parses it
	return n
}
