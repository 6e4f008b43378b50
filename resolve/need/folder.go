package need

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
)

// listing describes the files of a folder. Subfolders are ignored: hub
// repositories have exports for other programs in onnx/ and similar folders.
type listing struct {
	gguf, onnx, weights string // the first name of each kind; weights are safetensors or pytorch_model*.bin
	adapter, config     bool
	diffusers           bool
}

// list reads a folder.
func list(dir string) (listing, error) {
	var l listing
	entries, err := os.ReadDir(dir)
	if err != nil {
		return l, err
	}
	for _, e := range entries {
		// Hidden files are not models: macOS creates "._model.gguf" on foreign
		// disks.
		if name := e.Name(); name[0] != '.' && !e.IsDir() {
			l.add(name)
		}
	}
	return l, nil
}

// add records one file.
func (l *listing) add(name string) {
	switch name {
	case "config.json":
		l.config = true
	case "adapter_config.json":
		l.adapter = true
	case "model_index.json":
		l.diffusers = true
	}
	var kind *string
	switch ext := strings.ToLower(filepath.Ext(name)); {
	case ext == ".gguf":
		kind = &l.gguf
	case ext == ".onnx":
		kind = &l.onnx
	case ext == ".safetensors", ext == ".bin" && strings.HasPrefix(name, "pytorch_model"):
		kind = &l.weights
	}
	if kind != nil && *kind == "" {
		*kind = name
	}
}

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

// fromFile reads the model file at m.Path.
func (m *Model) fromFile(p Places) error {
	switch strings.ToLower(filepath.Ext(m.Path)) {
	case ".gguf":
		m.Family = p.familyOr(llamacpp)
		return checkGGUF(m.Path)
	case ".onnx":
		m.Family = p.familyOr(onnx)
		return nil
	case ".safetensors":
		// The config next to the weights names their quantisation.
		m.Family = p.familyOr(transformers)
		dir := filepath.Dir(m.Path)
		if _, err := os.Stat(filepath.Join(dir, "config.json")); isAbsent(err) {
			return nil
		}
		return m.fromConfig(dir, p)
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
	m.Family = p.Family
	switch {
	case p.Family == llamacpp && l.gguf != "", p.Family == onnx && l.onnx != "":
		return nil
	case p.Family == "":
		if err := l.ambiguous(dir); err != nil {
			return err
		}
		if l.gguf != "" {
			m.Family = llamacpp
			return nil
		}
		if l.onnx != "" {
			m.Family = onnx
			return nil
		}
	}
	switch {
	case l.adapter:
		m.Family = p.familyOr(transformers)
		return m.fromAdapter(dir, p)
	case l.config:
		m.Family = p.familyOr(transformers)
		return m.fromConfig(dir, p)
	case l.weights != "":
		m.Family = p.familyOr(transformers)
		return nil
	case p.Family != "":
		return nil
	case l.diffusers:
		return fault.New(fault.BadModel, "model %s is a diffusers pipeline, which no family covers", show(dir)).Fix("name an env that has diffusers: --env KEY")
	}
	return fault.New(fault.BadModel, "model %s holds no *.gguf, *.onnx, *.safetensors, config.json or adapter_config.json", show(dir)).
		Fix("name the folder that holds the model's files, or say what runs it: --family transformers")
}

// ambiguous returns an error that refuses a choice between two families: silently
// using the wrong env would be worse.
func (l listing) ambiguous(dir string) error {
	var found, families []string
	for _, kind := range [][2]string{{l.gguf, llamacpp}, {l.onnx, onnx}, {l.weights, transformers}} {
		if kind[0] != "" {
			found, families = append(found, show(kind[0])), append(families, "--family "+kind[1])
		}
	}
	if len(found) < 2 {
		return nil
	}
	return fault.New(fault.BadModel, "model %s holds %s: more than one family", show(dir), strings.Join(found, " and ")).
		Fix("say which: %s", strings.Join(families, " or "))
}
