// Package need reads a model's own files and says what it asks of an env. Only
// headers and JSON are read: never weights, never Python code of the model.
package need

import (
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// The families that a model's files can name; profile's data knows them too.
const (
	transformers = "transformers"
	llamacpp     = "llamacpp"
	onnx         = "onnx"
)

// Model is what is known of one model.
type Model struct {
	Name   string   // as it was given
	Path   string   // absolute and resolved: a folder or a file; "" for a hub id that is not here
	Hub    string   // org/name; "" for a path
	Family string   // "transformers", "llamacpp", "onnx", or what Places.Family settled; "" when the model says nothing
	Bnb    bool     // needs bitsandbytes: the -bnb key
	Base   string   // the base model of an adapter, as it is named there; peft is in every transformers env
	Type   string   // model_type of its config.json, or of its base's; "" when nothing says it, or when the model brings code of its own
	Notes  []string // info lines, for example that a hub id is not cached
}

// OldID names the env that the app made for this model alone. It is "" for the
// zero Model. A hub id keeps its id whether it is cached or not.
func (m Model) OldID() envdir.ID {
	switch {
	case m.Hub != "":
		return envdir.HubID(m.Hub)
	case m.Path != "":
		return envdir.LocalID(m.Path)
	}
	return ""
}

func (m *Model) note(text string) { m.Notes = append(m.Notes, text) }

// Places is where models are looked for.
type Places struct {
	Cwd     string                  // absolute; relative paths start here
	HubDir  string                  // the Hugging Face cache ("hub" folder): HF_HUB_CACHE, HF_HOME/hub, ~/.cache/huggingface/hub
	Family  string                  // --family: settles what the files leave open
	Covered func(quant string) bool // whether that family covers this quantisation besides bitsandbytes; nil: none
}

// Of says what the named model needs: one that is a path here, else one in the
// local Hugging Face cache, else a hub id that is not here.
//
// It costs one ReadDir and one small JSON file for a folder. Errors are
// *fault.Error: BadModel for a name or files that say nothing, two things, or
// cannot be read, BadQuant for a quantisation that is not covered. Beside an
// error about the files, Path and Hub are set, so that --env can do without
// what the files say.
func Of(name string, p Places) (Model, error) {
	m := Model{Name: name}
	if err := badName(name); err != nil {
		return m, err
	}
	path, here, err := find(name, p.Cwd)
	switch {
	case err != nil:
		return m, unreadableModel(name, err)
	case here:
		m.Path = resolved(path)
		return m, m.path(p)
	case isHubID(name) && !looksLikePath(name) && !isDir(orgOf(name), p.Cwd):
		m.Hub = name
		return m, m.hub(p)
	case cachedName(name, p):
		m.Hub = name
		return m, m.hub(p)
	}
	return m, absent(name, path)
}

// Holds reports whether dir itself holds a model, so that a model that nobody
// named is found in the script's folder or the working directory.
//
// It is stricter than [Of]: many programs have a config.json of their own, so
// one counts only when weights lie beside it or when it says what a model's
// says. A folder that cannot be listed holds nothing that could be used.
func Holds(dir string) bool {
	l, err := list(dir)
	switch {
	case err != nil:
		return false
	case l.gguf != "" || l.onnx != "" || l.adapter:
		return true
	case !l.config:
		return false
	case l.weights != "":
		return true
	}
	c, err := readConfig(dir)
	return err == nil && (c.ModelType != nil || c.Architectures != nil || c.Quantization != nil)
}

// settle is the family when --family may overrule what the files say.
func (p Places) settle(files string) string {
	if p.Family != "" {
		return p.Family
	}
	return files
}

func (p Places) covers(quant string) bool { return p.Covered != nil && p.Covered(quant) }

// unreadableModel is for what exists and cannot be read: it must not look like absent.
func unreadableModel(path string, err error) error {
	return fault.New(fault.BadModel, "model %s cannot be read: %w", show(path), fsys.Cause(err)).
		Fix("make it readable for this account, or name another model with --model")
}
