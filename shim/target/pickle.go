package target

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/requirement"
	"github.com/modelrun/modelrun/resolve/store"
)

// pickle returns the pickled weights that the env must be able to open, or "". It
// returns "" if the user decides on torch, and for a model that was started in an env
// that cannot open them: its program may load them itself. The user reads that once a
// start.
func (f lines) pickle(t Target) string {
	if t.Model.Pickle == "" || slices.ContainsFunc(f.Config.Needs(), func(r requirement.Requirement) bool { return r.Name == "torch" }) {
		return ""
	}
	used, old := f.usedBy(t)
	switch opens := slices.ContainsFunc(used, func(d envdir.Dir) bool { return f.opens(t, d) }); {
	case old && opens:
		return "" // the chain uses it where no shared env is, as before
	case opens, len(used) == 0:
		return t.Model.Pickle
	}
	d := used[0]
	f.Log.Warn(fmt.Sprintf("%s: transformers %s opens it only with torch %s or newer, and %s has torch %s. If you trust who made it, convert it: %s", t.Model.Pickle,
		health.Installed(d, "transformers"), profile.PickleTorch, d.Name, health.Installed(d, "torch"), f.convert(t, d)))
	return ""
}

// usedBy returns the old env of the model, and that it is one, or else the shared envs
// in which the model was started.
func (f lines) usedBy(t Target) (used []envdir.Dir, old bool) {
	root, id := f.Config.Root(), t.Model.OldID()
	if d := root.Old(id); fsys.Exists(d.Path) {
		return []envdir.Dir{d}, true
	}
	keys, _ := store.Catalogue{Root: root}.Keys() // an unreadable root has no env to use
	for _, key := range keys {
		if d := root.Shared(key); fsys.Exists(root.State().Model(d, id)) {
			used = append(used, d)
		}
	}
	return used, false
}

// opens reports whether the transformers of an env can open the model's weights. An
// env that does not exist can.
func (f lines) opens(t Target, d envdir.Dir) bool {
	if t.Model.Pickle == "" {
		return true
	}
	torch := health.Installed(d, "torch")
	return !profile.RefusesPickles("9999", torch) || !profile.RefusesPickles(health.Installed(d, "transformers"), torch)
}

// convert returns the command that writes the model's weights as safetensors, with the
// python of an env. Its torch is older than 2.6, in which such weights can run code in
// spite of weights_only (CVE-2025-32434): who gets the command is warned of that.
func (f lines) convert(t Target, d envdir.Dir) string {
	which := " --env " + d.Name
	if d.Kind == envdir.Old {
		which = " -m " + f.ModelName(t)
	}
	return "modelrun" + f.RootOption() + which + ` -- python -c "` +
		`import glob, sys, torch; from safetensors.torch import save_file; w = {}; ` +
		`[w.update(torch.load(f, map_location='cpu', weights_only=True)) for f in glob.glob(glob.escape(sys.argv[1]) + '/pytorch_model*.bin')]; ` +
		`save_file({k: v.clone().contiguous() for k, v in w.items()}, sys.argv[1] + '/model.safetensors', {'format': 'pt'})" ` +
		fault.Quote(filepath.Dir(t.Model.Pickle))
}
