// Package need reads a model's own files and derives what the model needs of an
// env. It reads only headers and JSON, never weights or Python code.
package need

import (
	"slices"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/profile"
)

// The families that a model's files can indicate. Package profile defines them.
const (
	transformers = "transformers"
	llamacpp     = "llamacpp"
	onnx         = "onnx"
)

// Model describes a model.
type Model struct {
	Name     string     // as the user wrote it
	Path     string     // absolute, as it was named: a folder or a file; "" for a hub id that is not cached
	Real     string     // Path without links, from which the app made the ids of its envs
	Hub      string     // org/name; "" for a path
	Kind     string     // the name of the model's [Kind]; "" if nothing shows it
	Evidence []Evidence // what shows the kind and the quantisation, the strongest first
	Family   string     // the kind's, or Places.Family; "" if the files do not show it
	Needs    Needs      // what the kind needs beyond the family's packages
	Quant    string     // the method of its quantisation, or its base's: see [QuantNamed]; "" if there is none
	Type     string     // model_type of its config.json, or of its base's; "" if there is none
	Code     bool       // that config names code of the model's own (auto_map)
	Saved    string     // the version of transformers that wrote that config, "4.57.0.dev0"; "" if it is not known
	Pickle   string     // the path of weights, its own or its base's, that transformers unpickles; "" if safetensors are beside them
	Notes    []string   // messages for the user, for example that a hub id is not cached
}

// OldID returns the id of the env that the app made for this model alone. It
// returns "" for the zero Model. The id of a hub model does not depend on the
// cache.
func (m Model) OldID() envdir.ID {
	switch {
	case m.Hub != "":
		return envdir.HubID(m.Hub)
	case m.Real != "":
		return envdir.LocalID(m.Real)
	}
	return ""
}

// Shown returns the name of the model with what shows its kind, for a message.
func (m Model) Shown() string {
	if len(m.Evidence) == 0 {
		return show(m.Name)
	}
	return show(m.Name) + " (" + m.Evidence[0].String() + ")"
}

// note adds a message for the user.
func (m *Model) note(text string) { m.Notes = append(m.Notes, text) }

// Places defines where to look for models.
type Places struct {
	Cwd    string // absolute; the base of relative paths
	HubDir string // absolute; the cache of the Hugging Face hub (the folder "hub"), or ""
	Family string // --family: decides what the files leave open
}

// Of returns what the named model needs. A name is a path if that exists here,
// else a model in the local Hugging Face cache, else a hub id that is not
// cached.
//
// For a folder of transformers it costs one ReadDir, one small JSON file and one stat of
// the weights. The heads of files are read if their names do not suffice. Errors are
// *fault.Error. It is BadModel if the name or the files are unknown, ambiguous
// or unreadable. Path and Hub are set even if the files cause an error, so that
// --env can be used without them.
func Of(name string, p Places) (Model, error) {
	m := Model{Name: name}
	if err := checkName(name); err != nil {
		return m, err
	}
	path, here, err := find(name, p.Cwd)
	switch {
	case err != nil:
		return m, unreadableModel(path, err)
	case here:
		m.Path, m.Real = path, resolved(path)
		return m, m.fromPath(p)
	case isHubID(name) && !looksLikePath(name) && !isDir(orgOf(name), p.Cwd):
		m.Hub = name
		return m, m.fromHub(p)
	case cachedName(name, p):
		m.Hub = name
		return m, m.fromHub(p)
	}
	return m, notFound(name, path)
}

// Holds reports whether dir itself holds a model. The script's folder and the
// working directory are searched this way if the user named no model.
//
// It is stricter than [Of], because many programs have a config.json. One
// counts only if there are weights next to it or if it has the fields of a
// model's config. A folder that cannot be listed holds no usable model.
func Holds(dir string) bool {
	l, err := list(dir)
	switch {
	case err != nil:
		return false
	case slices.ContainsFunc(l.proofs(), func(f proof) bool { return f.kind.Family != "" }):
		return true
	case !l.config:
		return false
	case l.weights != "":
		return true
	}
	c, err := readConfig(dir)
	return err == nil && (c.ModelType != nil || c.Architectures != nil || c.Quantization != nil)
}

// allows reports whether the family that the user named, if any, is a given one. Both
// lines of transformers are transformers.
func (p Places) allows(family string) bool {
	return p.Family == "" || p.Family == family || family == transformers && p.Family == profile.Transformers5
}

// unreadableModel returns the error for a file that exists and cannot be read: that
// must not be taken for a missing file.
func unreadableModel(path string, err error) error {
	if err := badLink(path, err); err != nil {
		return err
	}
	return fault.New(fault.BadModel, "model %s cannot be read: %w", show(path), fsys.Cause(err)).
		Fix("make it readable for this account, or name another model with --model")
}
