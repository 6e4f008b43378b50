package need

import (
	"bytes"
	"cmp"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/profile"
)

// Evidence is what shows the kind of a model.
type Evidence struct {
	File  string `json:"file"`            // the path of the file; "" if it is the name of the model, whose files are not here
	Field string `json:"field,omitempty"` // the field of it; "" if the file's name or its first bytes are enough
	Value string `json:"value,omitempty"` // the field's text; "" if it has none, or is long
}

// String returns the evidence for a sentence: "config.json: model_type llama".
func (e Evidence) String() string {
	text := e.Field
	if e.File != "" {
		text = show(filepath.Base(e.File))
		if e.Field != "" {
			text += ": " + e.Field
		}
	}
	if e.Value != "" {
		text += " " + show(e.Value)
	}
	return text
}

// evidence returns Evidence without a long value.
func evidence(file, field, value string) Evidence {
	if len(value) > 80 {
		value = ""
	}
	return Evidence{file, field, value}
}

// prove records evidence.
func (m *Model) prove(file, field, value string) {
	m.Evidence = append(m.Evidence, evidence(file, field, value))
}

// is sets the kind of the model, and what follows from it.
func (m *Model) is(k *Kind, p Places) {
	m.Kind, m.Family = k.Name, cmp.Or(p.Family, k.Family)
	if p.allows(k.Family) {
		m.Needs = k.Needs
	}
}

// proof is a kind with the file that proves it.
type proof struct {
	kind *Kind
	file string
}

// proofs returns the kinds that the names of the files prove, in the order of the
// table.
func (l listing) proofs() (found []proof) {
	for i := range kinds {
		if file := kinds[i].proof(l); file != "" {
			found = append(found, proof{&kinds[i], file})
		}
	}
	return found
}

// ambiguous returns an error that refuses a choice between weights in two formats:
// silently using the wrong env would be worse.
func (l listing) ambiguous(dir string, found []proof) error {
	if l.weights != "" {
		found = append(slices.Clone(found), proof{kindNamed(kindTransformers), l.weights})
	}
	var formats, files, families []string
	torch := cmp.Or(l.first("*.pth"), l.first("*.pt"), l.first("*.ckpt"))
	for _, f := range found {
		if f.kind.Name == kindONNX && l.weights == "" && torch != "" {
			return fault.New(fault.BadModel, "model %s holds %s and %s: one of them may be only a part of the model", show(dir), show(f.file), show(torch)).
				Fix("say what runs it, for example --family onnx, or name an environment that has what it needs: --env KEY")
		}
		if f.kind.Family != "" && !slices.Contains(formats, f.kind.format) {
			formats, files, families = append(formats, f.kind.format), append(files, show(f.file)), append(families, "--family "+f.kind.Family)
		}
	}
	if len(formats) < 2 {
		return nil
	}
	return fault.New(fault.BadModel, "model %s holds %s: more than one family", show(dir), strings.Join(files, " and ")).
		Fix("say which: %s", strings.Join(families, " or "))
}

// kindOfConfig returns the kind that the config.json at path proves, or nil.
func kindOfConfig(path string, c config) (*Kind, Evidence) {
	kind, saved := c.modelType(), c.saved()
	in4, in5 := profile.Lines(kind)
	switch {
	case isObject(c.MLX):
		return kindNamed(kindMLX), evidence(path, "quantization", "")
	case c.MLXWhisper != nil: // beside the type whisper, for which transformers writes other fields
		return kindNamed(kindMLX), evidence(path, "n_audio_ctx", "")
	case c.LLaVA != nil && c.AutoMap == nil: // beside a type of transformers, which loads another layout
		return kindNamed(kindLLaVA), evidence(path, "mm_vision_tower", "")
	case in4 || in5:
		return kindNamed(kindTransformers), evidence(path, "model_type", kind)
	}
	if k, e := kindOfFields(path); k != nil {
		return k, e
	}
	names, _ := c.Architectures.([]any)
	for _, name := range names {
		if name, ok := name.(string); ok && isArchitecture(name) {
			return kindNamed(kindTransformers), evidence(path, "architectures", name)
		}
	}
	switch { // only transformers writes these
	case isObject(c.AutoMap):
		return kindNamed(kindTransformers), evidence(path, "auto_map", "")
	case saved != "":
		return kindNamed(kindTransformers), evidence(path, "transformers_version", saved)
	}
	return nil, Evidence{}
}

// isObject reports whether a decoded value is a JSON object.
func isObject(v any) bool {
	_, ok := v.(map[string]any)
	return ok
}

// isArchitecture reports whether a name in architectures is that of a class of
// transformers or of code made for it.
func isArchitecture(name string) bool {
	return strings.HasSuffix(name, "Model") || strings.HasSuffix(name, "LMHead") || strings.Contains(name, "For")
}

// kindOfFields returns the kind that a field of the config.json at path proves, or nil.
func kindOfFields(path string) (*Kind, Evidence) {
	var all map[string]json.RawMessage
	if readJSON(path, &all) != nil {
		return nil, Evidence{} // reported by the first reading
	}
	for i := range kinds {
		for _, fields := range kinds[i].fields {
			if field, value, ok := match(all, fields); ok {
				return &kinds[i], evidence(path, field, value)
			}
		}
	}
	return nil, Evidence{}
}

// match reports whether an object has the fields of a pattern: "a", "a+b", "a=text".
// It returns the first field, and its text in the last case.
func match(all map[string]json.RawMessage, pattern string) (field, value string, ok bool) {
	if name, text, hasText := strings.Cut(pattern, "="); hasText {
		return name, text, string(all[name]) == `"`+text+`"`
	}
	field, rest, more := strings.Cut(pattern, "+")
	has := func(name string) bool { v, ok := all[name]; return ok && !bytes.Equal(v, []byte("null")) }
	return field, "", has(field) && (!more || has(rest))
}

// refuse returns the error for a kind that no family serves.
func refuse(m *Model, k *Kind) error {
	e := fault.New(fault.BadModel, "model %s is %s (%s), and no family of modelrun has what it needs", show(m.Name), k.Title, m.Evidence[len(m.Evidence)-1])
	if k.Package == "" {
		return e.Fix("name an environment that has what it needs: --env KEY")
	}
	return e.Fix("to make an environment with %[2]s: modelrun --env %[1]s --with %[2]s -m %[3]s -- python …", k.Name, k.Package, fault.Quote(m.Name))
}

// unknown returns the error for a model without evidence. It says what was looked at,
// what is wrong with the head of the weights, and which folder below holds a model.
func unknown(model string, l listing, damage error) error {
	var seen []string
	if l.config {
		seen = append(seen, "config.json has no model_type, architectures or quantisation of a known library")
	}
	switch {
	case damage != nil:
		seen = append(seen, show(l.weights)+" is unreadable: "+fsys.Cause(damage).Error())
	case l.large != "":
		seen = append(seen, show(cmp.Or(l.weights, l.large))+" does not say what wrote it")
	}
	if len(seen) == 0 {
		e := fault.New(fault.BadModel, "model %s holds no *.gguf, *.onnx, *.safetensors, config.json or adapter_config.json", show(model))
		for _, sub := range l.dirs[:min(len(l.dirs), 100)] {
			sub = filepath.Join(model, sub)
			if l, err := list(sub); err == nil && l.isModel() && show(sub) == sub { // a name with a line break would look like another message
				return e.Fix("name the folder of the model, for example --model %s", fault.Quote(sub))
			}
		}
		return e.Fix("name the folder that holds the model's files with --model")
	}
	if l.card {
		seen = append(seen, "README.md names no library")
	} else {
		seen = append(seen, "there is no model card")
	}
	e := fault.New(fault.BadModel, "model %s does not show what it needs: %s", show(model), strings.Join(seen, "; "))
	if l.has("*.safetensors") || l.has("pytorch_model*.bin") { // which transformers could load
		return e.Fix("say what runs it, for example --family transformers, or name an environment that has what it needs: --env KEY")
	}
	return e.Fix("name an environment that has what it needs: --env KEY")
}
