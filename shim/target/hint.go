package target

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/requirement"
	"github.com/modelrun/modelrun/resolve/store"
	"github.com/modelrun/modelrun/shim/config"
)

// Hints are commands that the user pastes. They run in the caller's folder, without
// our -C, model and script.

// ModelName returns the model for a hint, with the options that led to its key. A
// path stays relative only if it is relative to the caller's folder.
func (f Finder) ModelName(t Target) string {
	name := t.Model.Name
	if name == "" {
		return ""
	}
	from := f.Config.Value("model").From
	if t.Model.Hub == "" && (f.Config.Flag("cwd") != "" || strings.HasPrefix(f.RootOption(), " -C") || filepath.IsAbs(from) || name[0] == '-') {
		name = t.Model.Path
	}
	return fault.Quote(name) + f.KeyOptions()
}

// KeyOptions returns the options of this command line that led to the key, each
// with a space before it.
func (f Finder) KeyOptions() (words string) {
	for _, row := range f.Config.Rows() {
		if !row.Leads || f.Config.Flag(row.Name) == "" {
			continue
		}
		values := []string{row.Text}
		if row.Kind == config.List {
			values = f.Config.List(row.Name)
		}
		for _, v := range values {
			if row.Name == "with" && f.Config.Flag("cwd") != "" {
				v = requirement.Located(v, f.Config.Base(), config.Home(f.Env))
			}
			words += " --" + row.Flag + " " + fault.Quote(fault.Mask(v))
		}
	}
	return words
}

// RootOption returns the option that makes a hint use the same root, with a space
// before it. It returns "" if the hint needs none. If a project describes envs, the
// option names the project's folder, because the hint needs the project's file too.
func (f Finder) RootOption() string {
	c := f.Config
	if c.Root() == "" {
		return ""
	}
	outside := func(project string) bool {
		return c.Flag("root") == "" && project != "" && (c.Flag("cwd") != "" || !fsys.Within(c.Base(), project))
	}
	for _, own := range c.Envs() {
		if outside(own.Project) {
			return " -C " + fault.Quote(own.Project)
		}
	}
	if c.Flag("root") == "" && c.Flag("cwd") == "" && c.RootFrom() != config.FromScript && c.RootFrom() != config.FromModel && !outside(c.Value("root").Project) {
		return ""
	}
	return " --root " + fault.Quote(string(c.Root()))
}

// Before returns the part of a hint that goes before a program, so that the program
// starts in the env of req.
func Before(req *resolve.Request) string {
	which := " -e " + string(req.Key)
	if len(req.With) > 0 || !req.Terms.Empty() { // the env may be that of another key
		which = req.Wanted()
	}
	if req.Model.Name != "" {
		which = " -m " + req.Model.Name
	}
	return "modelrun" + req.RootOption + which + " -- "
}

// KeysHere returns the keys of the root's shared envs and of [envs], sorted.
func (f Finder) KeysHere() []string {
	var keys []string
	dirs, _ := store.Catalogue{Root: f.Config.Root()}.Envs() // an unreadable root has no keys to suggest
	for _, d := range dirs {
		if d.Kind != envdir.Old {
			keys = append(keys, d.Name)
		}
	}
	for key := range f.Config.Envs() {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// CanonicalKeys returns the keys that the built-in profiles can make, sorted.
func CanonicalKeys() []string {
	var keys []string
	for _, p := range profile.Embedded() {
		for _, f := range profile.Families() {
			for _, bnb := range []bool{false, true} {
				if key := f.Key(p.Accel, bnb); key != "" && p.Has(f) {
					keys = append(keys, string(key))
				}
			}
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
