// Package need reads a model's own files and says what it asks of an env. Only
// headers and JSON are read: never weights, never Python code of the model.
package need

import "errors"

// Model is what is known of one model.
type Model struct {
	Name   string   // as it was given
	Path   string   // absolute and resolved; "" for a hub id that is not here
	Hub    string   // org/name; "" for a path
	Family string   // "transformers", "llamacpp", "onnx"; "" when the model says nothing
	Bnb    bool     // needs bitsandbytes: the -bnb key
	Base   string   // the base model of an adapter, as it is named there
	Notes  []string // info lines, for example that a hub id is not cached
}

// Places is where models are looked for.
type Places struct {
	Cwd     string                  // absolute; relative paths start here
	HubDir  string                  // the Hugging Face cache ("hub" folder): HF_HUB_CACHE, HF_HOME/hub, ~/.cache/huggingface/hub
	Family  string                  // --family: settles what the files leave open
	Covered func(quant string) bool // whether a family covers this quantisation besides bitsandbytes
}

// Of says what the named model needs.
func Of(name string, p Places) (Model, error) { return Model{}, errors.ErrUnsupported }

// Holds reports whether dir itself holds a model, so that a model that nobody
// named is found in the script's folder or the working directory.
func Holds(dir string) bool { return false }
