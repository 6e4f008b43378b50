package need

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
)

// listing describes the files of a folder. Hidden files do not count: macOS creates
// "._model.gguf" on foreign disks.
type listing struct {
	names, dirs []string // sorted
	weights     string   // the first file with weights for torch: *.safetensors or pytorch_model*.bin
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
		switch ext := strings.ToLower(filepath.Ext(name)); {
		case name[0] == '.':
			continue
		case e.IsDir():
			l.dirs = append(l.dirs, name)
			continue
		case name == "config.json":
			l.config = true
		case name == "README.md":
			l.card = true
		case l.weights == "" && (ext == ".safetensors" || ext == ".bin" && strings.HasPrefix(name, "pytorch_model")):
			l.weights = name
		}
		l.names = append(l.names, name)
	}
	return l, nil
}

// first returns the first file that a pattern matches, or "". A pattern is a name with
// at most one *. The case of an extension does not matter.
func (l listing) first(pattern string) string {
	before, after, glob := strings.Cut(pattern, "*")
	if !glob {
		if _, ok := slices.BinarySearch(l.names, pattern); ok {
			return pattern
		}
		return ""
	}
	for _, name := range l.names {
		if len(name) >= len(pattern)-1 && strings.HasPrefix(name, before) && strings.EqualFold(name[len(name)-len(after):], after) {
			return name
		}
	}
	return ""
}

// has reports whether a file has this name.
func (l listing) has(name string) bool { return l.first(name) != "" }

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

// fromFile reads the model file at m.Path. Weights for torch count as the folder that
// they are in.
func (m *Model) fromFile(p Places) error {
	dir, name := filepath.Dir(m.Path), filepath.Base(m.Path)
	one := listing{names: []string{name}}
	found := one.proofs()
	i := slices.IndexFunc(found, func(f proof) bool { return p.Family == "" || p.allows(f.kind.Family) })
	switch ext := strings.ToLower(filepath.Ext(name)); {
	case i >= 0:
		m.prove(m.Path, "", "")
		if m.is(found[i].kind, p); m.Family == "" {
			return m.refuse(found[i].kind)
		}
		if found[i].kind.Name == kindGGUF {
			return checkGGUF(m.Path)
		}
		return nil
	case ext == ".safetensors":
		one.weights = name
		if _, err := os.Stat(filepath.Join(dir, "config.json")); !isAbsent(err) {
			one.config = true
		}
		return m.fromContent(dir, one, nil, p)
	}
	if m.Family = p.Family; m.Family != "" {
		return nil
	}
	return fault.New(fault.BadModel, "model %s is no kind of model file that is known", show(m.Path)).
		Fix("name the folder that holds the model, or say what runs it: --family transformers")
}

// checkGGUF checks the four bytes at the start of every GGUF file. If they are
// missing, the file is usually a pointer of Git LFS instead of the weights.
func checkGGUF(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return unreadableModel(path, err)
	}
	defer f.Close()
	head := make([]byte, 16)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return unreadableModel(path, err)
	}
	switch head := string(head[:n]); {
	case strings.HasPrefix(head, "GGUF"):
		return nil
	case strings.HasPrefix(head, "version https://"):
		return fault.New(fault.BadModel, "model %s is a pointer of Git LFS, not the model", show(path)).Fix("git lfs pull")
	}
	return fault.New(fault.BadModel, "model %s does not begin with GGUF", show(path)).Fix("download the file again, or name another with --model")
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
	for _, f := range found {
		if f.kind.also || p.Family != "" && !p.allows(f.kind.Family) {
			continue
		}
		m.prove(filepath.Join(dir, f.file), "", "")
		m.is(f.kind, p)
		switch {
		case m.Family == "":
			return m.refuse(f.kind)
		case f.kind.Name == kindPeft:
			return m.fromAdapter(dir, p)
		case f.kind.Family == transformers && l.config:
			_, err := m.fromConfig(dir, p)
			return err
		}
		return nil
	}
	return m.fromContent(dir, l, found, p)
}

// fromContent reads what the files of a folder contain, because no name proves a kind.
func (m *Model) fromContent(dir string, l listing, found []proof, p Places) error {
	m.Family = p.Family
	if sub := l.onnxFolder(dir); sub != "" && p.allows(onnx) {
		m.prove(sub, "", "")
		m.is(kindNamed(kindONNX), p)
		return nil
	}
	var k *Kind
	var err error
	if l.config {
		k, err = m.fromConfig(dir, p)
	}
	if err != nil {
		return err
	}
	if k == nil && len(found) > 0 { // only copies in other formats
		m.prove(filepath.Join(dir, found[0].file), "", "")
		k = found[0].kind
	}
	switch {
	case k != nil && (p.Family == "" || k.Family != ""):
		if m.is(k, p); m.Family == "" {
			return m.refuse(k)
		}
		return nil
	case p.Family != "":
		return nil
	}
	return m.unknown(l)
}

// onnxFolder returns the first model in the sub-folder onnx of a folder without
// weights of its own, or "". Beside weights the sub-folder is only another copy.
func (l listing) onnxFolder(dir string) string {
	if _, ok := slices.BinarySearch(l.dirs, "onnx"); !ok || l.weights != "" {
		return ""
	}
	sub, err := list(filepath.Join(dir, "onnx"))
	if name := sub.first("*.onnx"); err == nil && name != "" {
		return filepath.Join(dir, "onnx", name)
	}
	return ""
}
