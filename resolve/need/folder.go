package need

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/header"
)

// listing describes the files of a folder. Hidden files do not count: macOS creates
// "._model.gguf" on foreign disks.
type listing struct {
	names, dirs []string // sorted
	weights     string   // the first file with weights for torch: *.safetensors or pytorch_model*.bin
	large       string   // the first file with weights for anything
	config      bool     // config.json is here
	card        bool     // README.md is here
}

// list reads a folder.
func list(dir string) (listing, error) {
	var l listing
	entries, err := os.ReadDir(dir)
	if err != nil {
		return l, err
	}
	for _, e := range entries {
		name := e.Name()
		switch {
		case name[0] == '.':
			continue
		case e.IsDir():
			l.dirs = append(l.dirs, name)
			continue
		case name == "config.json":
			l.config = true
		case name == card:
			l.card = true
		case isWeights(name):
			l.large = cmp.Or(l.large, name)
			if hasExt(name, ".safetensors") || hasExt(name, ".bin") && strings.HasPrefix(name, "pytorch_model") {
				l.weights = cmp.Or(l.weights, name)
			}
		}
		l.names = append(l.names, name)
	}
	return l, nil
}

// hasExt reports whether a file has an extension, in any case.
func hasExt(name, ext string) bool {
	return len(name) > len(ext) && strings.EqualFold(name[len(name)-len(ext):], ext)
}

// pickle returns the path of the first file of dir with weights that transformers
// unpickles, or "". It reads safetensors if there are any. What programs load
// themselves (*.pt, *.ckpt), and training_args.bin, do not count.
func (l listing) pickle(dir string) string {
	name := l.first("pytorch_model*.bin")
	if name == "" || l.has("*.safetensors") {
		return ""
	}
	return filepath.Join(dir, name)
}

// isWeights reports whether the name of a file is one of weights.
func isWeights(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".safetensors", ".bin", ".gguf", ".onnx", ".pt", ".pth", ".ckpt", ".msgpack", ".h5", ".keras", ".nemo", ".tflite", ".pte":
		return true
	}
	return false
}

// first returns the first file that a pattern matches, or "". A pattern is a name with
// at most one *; with a / at its end it is that of a folder. The case of an extension
// does not matter.
func (l listing) first(pattern string) string {
	names := l.names
	if dir, ok := strings.CutSuffix(pattern, "/"); ok {
		pattern, names = dir, l.dirs
	}
	before, after, glob := strings.Cut(pattern, "*")
	if !glob {
		if _, ok := slices.BinarySearch(names, pattern); ok {
			return pattern
		}
		return ""
	}
	last := pattern[len(pattern)-1] | 0x20
	for _, name := range names {
		if after != "" && name[len(name)-1]|0x20 != last { // most names: a start compares hundreds
			continue
		}
		if len(name) >= len(pattern)-1 && strings.HasPrefix(name, before) && strings.EqualFold(name[len(name)-len(after):], after) {
			return name
		}
	}
	return ""
}

// has reports whether a file has this name.
func (l listing) has(name string) bool { return l.first(name) != "" }

// hasDir reports whether a folder, or a link that may lead to one, has this name.
func (l listing) hasDir(name string) bool {
	_, ok := slices.BinarySearch(l.dirs, name)
	return ok || l.has(name)
}

// isModel reports whether a folder has a file of any model.
func (l listing) isModel() bool { return l.config || l.weights != "" || len(l.proofs()) > 0 }

// fromPath reads the file or folder at m.Path.
func (m *Model) fromPath(p Places) error {
	info, err := os.Stat(m.Path)
	switch {
	case err != nil:
		return unreadableModel(m.Path, err)
	case info.IsDir():
		return m.fromFolder(m.Path, p)
	case !info.Mode().IsRegular():
		return fault.New(fault.BadModel, "model %s is neither a file nor a folder", show(m.Path)).Fix("name the model's file or folder with --model")
	}
	return m.fromFile(p)
}

// fromFile reads the model file at m.Path. If its own name and neighbours show
// nothing and it is a link, those of the file that it leads to count.
func (m *Model) fromFile(p Places) error {
	known, err := m.ofFile(m.Path, p)
	if !known && m.Real != m.Path {
		if known, other := m.ofFile(m.Real, p); known {
			return other
		}
	}
	return err
}

// ofFile reads one file: its name, its first bytes, and for weights of torch what is
// beside it. Unless they are known to show what the model needs, the error says what
// was looked at.
func (m *Model) ofFile(path string, p Places) (known bool, err error) {
	dir, name := filepath.Split(path)
	one := listing{names: []string{name}}
	found := one.proofs()
	i := slices.IndexFunc(found, func(f proof) bool { return p.allows(f.kind.Family) })
	head, err := header.Sniff(path)
	switch {
	case err != nil:
		return true, unreadableModel(path, err)
	case head == header.KindLFSPointer:
		return true, present(path)
	case head == header.KindGGUF && p.allows(llamacpp):
		return true, m.fromGGUF(path, p)
	case i >= 0 && found[i].kind.Name == kindGGUF:
		return true, fault.New(fault.BadModel, "model %s does not begin with GGUF", show(path)).Fix("download the file again, or name another with --model")
	case i >= 0:
		m.prove(path, "", "")
		return true, m.serve(found[i].kind, p)
	case head == header.KindGGML && p.Family == "":
		m.prove(path, "", "")
		return true, m.serve(kindNamed(kindGGML), p)
	case head == header.KindSafetensors, head == header.KindPickle, isWeights(name):
		return m.fromWeights(dir, name, p)
	}
	if m.Family = p.Family; m.Family != "" {
		return true, nil
	}
	return false, fault.New(fault.BadModel, "model %s is not a model file that modelrun knows", show(path)).
		Fix("name the folder that holds the model with --model")
}

// fromWeights reads one file of weights in dir. If its head proves nothing, it counts
// as the folder that it is in, without the other weights there.
func (m *Model) fromWeights(dir, name string, p Places) (known bool, err error) {
	if p.Family == "" {
		if k, e, _ := kindOfTensors(filepath.Join(dir, name)); k != nil && k.Name != kindPeft {
			m.Evidence = append(m.Evidence, e)
			return true, m.serve(k, p)
		}
	}
	l, _ := list(dir) // a folder that cannot be listed shows no neighbours
	l.names = slices.DeleteFunc(l.names, func(other string) bool { return other != name && isWeights(other) })
	l.dirs, l.weights, l.large = nil, name, name
	return m.fromListing(dir, l, l.proofs(), p)
}

// fromFolder reads the files of dir, which is m.Path or a snapshot in the hub's
// cache.
func (m *Model) fromFolder(dir string, p Places) error {
	l, err := list(dir)
	if err != nil {
		return unreadableModel(dir, err)
	}
	found := l.proofs()
	if p.Family == "" {
		if err := l.ambiguous(dir, found); err != nil {
			return err
		}
	}
	known, err := m.fromListing(dir, l, found, p)
	if unserved := !known || m.Kind != "" && m.Family == ""; err != nil && unserved && p.Family == "" {
		if other := ofTool(*m, dir, l); other != nil { // it knows more than the file that shows the kind
			return other
		}
	}
	return err
}

// fromListing reads those files of dir that are listed, of which some prove a kind. Its
// results are those of ofFile.
func (m *Model) fromListing(dir string, l listing, found []proof, p Places) (known bool, err error) {
	if err := l.complete(dir, found); err != nil {
		return true, err
	}
	for _, f := range found {
		if f.kind.also || !p.allows(f.kind.Family) {
			continue
		}
		if f.kind.Name == kindGGUF {
			return true, m.fromGGUF(filepath.Join(dir, f.file), p)
		}
		if f.kind.Name == kindDiffusers && p.Family == "" {
			f = l.exported(dir, f)
		}
		m.prove(filepath.Join(dir, f.file), "", "")
		switch err := m.serve(f.kind, p); {
		case err != nil:
			return true, err
		case f.kind.Name == kindPeft:
			return true, m.fromAdapter(dir, p)
		case f.kind.Name == kindDiffusers:
			m.isQuantised(quantOfParts(dir, l))
		case f.kind.Family == transformers && l.config:
			m.Pickle = l.pickle(dir)
			_, err := m.fromConfig(dir, l)
			return true, err
		}
		return true, nil
	}
	return m.fromContent(dir, l, found, p)
}

// denoisers are the folders of the main part of a diffusers pipeline, which has one.
var denoisers = [...]string{"transformer", "unet"}

// exported returns what proves the kind of a pipeline whose parts are in ONNX or in the
// format of OpenVINO and not in that of diffusers; else it returns f.
func (l listing) exported(dir string, f proof) proof {
	for _, part := range denoisers {
		if !l.hasDir(part) {
			continue
		}
		in, err := list(filepath.Join(dir, part))
		if err != nil || in.has("diffusion_pytorch_model*") {
			continue
		}
		for _, other := range in.proofs() {
			if other.kind.format == onnxFormat || other.kind.format == openvinoFormat {
				return proof{other.kind, filepath.Join(part, other.file)}
			}
		}
	}
	return f
}

// complete returns an error if a file of the folder dir is not the file itself. It looks
// at the JSON that proves its kind, which is not read, and at one file with weights.
func (l listing) complete(dir string, found []proof) error {
	if len(found) > 0 && hasExt(found[0].file, ".json") {
		if err := present(filepath.Join(dir, found[0].file)); err != nil {
			return err
		}
	}
	weights := cmp.Or(l.weights, l.large)
	for _, sub := range denoisers {
		if weights == "" && l.hasDir(sub) {
			weights = filepath.Join(sub, "diffusion_pytorch_model.safetensors")
		}
	}
	if weights == "" {
		return nil
	}
	return present(filepath.Join(dir, weights))
}

// serve sets the kind of the model, whose evidence is recorded. It returns an error if
// no family serves the kind.
func (m *Model) serve(k *Kind, p Places) error {
	if m.is(k, p); m.Family == "" {
		return refuse(m, k)
	}
	return nil
}

// fromContent reads what the files of a folder contain, because no name proves a kind:
// the config, then what [Model.fromHeads] reads. Its results are those of ofFile.
func (m *Model) fromContent(dir string, l listing, found []proof, p Places) (known bool, err error) {
	m.Family = p.Family
	if sub := l.onnxFolder(dir); sub != "" && p.allows(onnx) {
		m.prove(sub, "", "")
		return true, m.serve(kindNamed(kindONNX), p)
	}
	var k *Kind
	if l.config {
		if k, err = m.fromConfig(dir, l); err != nil {
			return true, err
		}
		if k != nil && k.Name == kindTransformers {
			m.Pickle = l.pickle(dir)
		}
	}
	switch {
	case p.Family == "" && k == nil:
		return m.fromHeads(dir, l, found, p)
	case p.Family == "":
		return true, m.serve(k, p)
	case k != nil && k.Family != "":
		m.is(k, p)
	}
	return true, nil
}

// fromHeads reads what is left if neither names nor a config prove a kind: the heads of
// the weights, then copies in other formats, then the model card. Its results are those
// of ofFile.
func (m *Model) fromHeads(dir string, l listing, found []proof, p Places) (known bool, err error) {
	serve := func(k *Kind, e Evidence) (known bool, err error) {
		m.Evidence = append(m.Evidence, e)
		return true, m.serve(k, p)
	}
	var damage error
	if l.weights != "" {
		k, e, err := kindOfTensors(filepath.Join(dir, l.weights))
		if k != nil {
			return serve(k, e)
		}
		damage = err
	}
	if len(found) > 0 { // only copies in other formats
		return serve(found[0].kind, evidence(filepath.Join(dir, found[0].file), "", ""))
	}
	if l.large != "" && l.weights == "" { // by another name
		path := filepath.Join(dir, l.large)
		switch head, _ := header.Sniff(path); head {
		case header.KindGGUF:
			return true, m.fromGGUF(path, p)
		case header.KindGGML:
			return serve(kindNamed(kindGGML), evidence(path, "", ""))
		}
	}
	if l.card {
		k, e := kindOfCard(filepath.Join(dir, card))
		switch {
		case k != nil && k.Family != "": // a card is no proof, so the user reads that it was believed
			m.note("only the model card of " + show(m.Name) + " says what it is: library_name " + show(e.Value))
			fallthrough
		case k != nil:
			return serve(k, e)
		case e.Value != "":
			return false, fault.New(fault.BadModel, "the model card of %s says library_name: %s, which modelrun does not know", show(m.Name), show(e.Value)).
				Fix("say what runs it, for example --family transformers, or name an environment that has what it needs: --env KEY")
		}
	}
	return false, unknown(m.Path, l, damage)
}

// onnxFolder returns the first model in the sub-folder onnx of a folder without
// weights of its own, or "". Beside weights the sub-folder is only another copy.
func (l listing) onnxFolder(dir string) string {
	if l.weights != "" || !l.hasDir("onnx") {
		return ""
	}
	sub, err := list(filepath.Join(dir, "onnx"))
	if name := sub.first("*.onnx"); err == nil && name != "" {
		return filepath.Join(dir, "onnx", name)
	}
	return ""
}
