package target

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// lines chooses between the lines of transformers for a Finder.
type lines struct{ Finder }

// choose chooses the line of a target of transformers, and the accelerator. What is
// needed decides, then an env that is here, then the profile. The family is vllm, without
// an accelerator, if only that loads the model's quantisation here.
func (f lines) choose(ctx context.Context, t Target) (Target, error) {
	t, line, err := f.needed(ctx, t)
	if err != nil || t.Family.Name != profile.DefaultFamily {
		return t, err
	}
	t.Model.Pickle = f.pickle(t)
	want := profile.Want{Name: f.Config.String("profile"), Family: familyOf(line), Lines: line == 0, Pickle: t.Model.Pickle}
	c, err := f.accel(ctx, want)
	if err != nil {
		return t, err
	}
	t.Accel = c.Profile.Accel
	if line == 0 {
		if line, t.Line.Why = f.here(t); line == 0 {
			c, err = f.ofProfile(ctx, want, c)
			line, t.Line.Why = 5, "it is the newer line"
			if c.Family.Name == profile.DefaultFamily {
				line, t.Line.Why = 4, "profile "+c.Profile.Name+" has only transformers 4"
			}
		}
	}
	t.Family = familyOf(line)
	if !f.opens(t, f.Config.Root().Shared(t.Family.Key(t.Accel, t.Bnb))) {
		t.Model.Needs.Packages = append(slices.Clone(t.Model.Needs.Packages), "torch>="+profile.PickleTorch)
	}
	return t, err
}

// needed chooses the line by what is needed, 0 for either: what the user needs of
// transformers itself decides, then the model, then its quantisation.
func (f lines) needed(ctx context.Context, t Target) (_ Target, line int, err error) {
	line, why := lineOf(t.Model, f.oldVersion(t))
	t.Line = Line{Why: why, Both: line == 0}
	beyond, _ := t.beyond(f.Config)
	var own []requirement.Requirement
	for _, r := range beyond {
		if r.Name == "transformers" {
			own = append(own, r)
		}
	}
	if wanted := lineFor(own, line); wanted != line {
		line, t.Line.Why = wanted, strings.Join(requirement.Strings(own), ", ")+" is needed"
	}
	t, wanted, why, err := quantised(ctx, f.Finder, t, line)
	if wanted != line {
		line, t.Line.Why, t.Line.Both = wanted, why, false
	}
	return t, line, err
}

// oldVersion returns the version of transformers in the model's old env, or "".
func (f lines) oldVersion(t Target) string {
	id := t.Model.OldID()
	if id == "" {
		return ""
	}
	dir := f.Config.Root().Old(id)
	if !fsys.Exists(dir.Path) {
		return ""
	}
	return health.Installed(dir, "transformers")
}

// here returns the line whose env exists, and says so. It is 0 if neither does. An
// env with the needs beyond the key comes first.
//
// If both lines are here, a model stays on line 4 if it was started there and never on
// line 5. Without a model it is line 4, which was there first.
func (f lines) here(t Target) (line int, why string) {
	root := f.Config.Root()
	for _, key := range f.bothKeys(t) {
		four, five := root.Shared(key[0]), root.Shared(key[1])
		note := func(d envdir.Dir) bool { return fsys.Exists(root.State().Model(d, t.Model.OldID())) }
		here5 := fsys.Exists(five.Path)
		here4 := (!here5 || t.Model.Path == "" || note(four) && !note(five)) && fsys.Exists(four.Path) && f.opens(t, four)
		switch {
		case here4:
			return 4, four.Name + " is here"
		case here5:
			return 5, five.Name + " is here"
		}
	}
	return 0, ""
}

// bothKeys returns the keys of line 4 and line 5: with the needs beyond them, if there
// are any, without, and with bitsandbytes, which serves too.
func (f lines) bothKeys(t Target) (out [][2]envdir.Key) {
	keys := func(bnb bool) [2]envdir.Key {
		return [2]envdir.Key{familyOf(4).Key(t.Accel, bnb), familyOf(5).Key(t.Accel, bnb)}
	}
	plain := keys(t.Bnb)
	derived := plain
	for i, line := range []int{4, 5} {
		t.Family = familyOf(line) // the needs of a quantisation differ
		if with, terms := t.beyond(f.Config); len(with) > 0 || !terms.Empty() {
			if key, err := plain[i].WithExtras(terms.Hash(with)); err == nil {
				derived[i] = key
			}
		}
	}
	if derived != plain {
		out = append(out, derived)
	}
	return append(out, plain, keys(true))
}

// ofProfile completes the choice of a machine without a GPU, where no profile is
// chosen yet. The built-in profile for the CPU has line 5, so it is not read.
func (f lines) ofProfile(ctx context.Context, w profile.Want, c profile.Choice) (profile.Choice, error) {
	if good, _ := f.RootProfiles(); c.Profile.Name != "" || len(good) == 0 {
		return c, nil
	}
	w.Accel = c.Profile.Accel
	return f.Choose(ctx, w)
}

// notes returns what the user reads when an env of a line is made: why it is this
// line, and which profile has only the other one or cannot open the weights.
func (f lines) notes(ctx context.Context, t Target, p profile.Profile) (notes []string) {
	why := !t.Line.Both && t.Line.Why != ""
	if !why && t.Model.Pickle == "" { // most starts that compare an env with its plan
		return nil
	}
	want := profile.Want{Family: familyOf(4), Lines: true}
	usual, err := f.Choose(ctx, want)
	if want.Pickle = t.Model.Pickle; want.Pickle != "" && err == nil && f.Config.String("profile") == "" {
		able, err := f.Choose(ctx, want)
		if name := filepath.Base(want.Pickle); err == nil && able.Profile.Name != usual.Profile.Name {
			notes = append(notes, "profile "+usual.Profile.Name+" has a torch that is too old for "+name+", so profile "+p.Name+" is used")
		}
		usual = able
	}
	if !why {
		return notes
	}
	notes = append(notes, "making "+string(t.Base)+": "+t.Line.Why)
	if p.Path == "" && err == nil && usual.Profile.Path != "" {
		notes = append(notes, "profile "+usual.Profile.Name+" has only the other line of transformers, so the built-in profile "+p.Name+" is used")
	}
	return notes
}

// fits reports whether an env of a family can serve a target. One of the other line of
// transformers does if the model loads in both. One that is older than the lines may
// have the other version. One that cannot open the model's weights does not serve.
func (f lines) fits(t Target, k envdir.Key, family profile.Family) bool {
	if !f.opens(t, f.Config.Root().Shared(k)) {
		return false
	}
	if family.Name == t.Family.Name || t.Line.Both {
		return true
	}
	version := health.Installed(f.Config.Root().Shared(k), "transformers")
	return version != "" && familyOf(profile.LineOf(version)).Name == t.Family.Name
}
