package need

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
)

// listing is what lies in a folder itself. Sub-folders do not count: hub
// repositories keep exports for other programs in onnx/ and the like.
type listing struct {
	gguf, onnx, weights string // the first name of its kind; weights are safetensors or pytorch_model*.bin
	adapter, config     bool
	diffusers           bool
}

func list(dir string) (listing, error) {
	var l listing
	entries, err := os.ReadDir(dir)
	if err != nil {
		return l, err
	}
	for _, e := range entries {
		// Hidden names are not models: macOS leaves "._model.gguf" on foreign disks.
		if name := e.Name(); name[0] != '.' && !e.IsDir() {
			l.add(name)
		}
	}
	return l, nil
}

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

// path fills in what the file or folder at m.Path says.
func (m *Model) path(p Places) error {
	info, err := os.Stat(m.Path)
	switch {
	case err != nil:
		return unreadableModel(m.Path, err)
	case info.IsDir():
		return m.folder(m.Path, p)
	case !info.Mode().IsRegular():
		return fault.New(fault.BadModel, "model %s is neither a file nor a folder", show(m.Path)).Fix("name the model's file or folder with --model")
	}
	return m.file(p)
}

func (m *Model) file(p Places) error {
	switch strings.ToLower(filepath.Ext(m.Path)) {
	case ".gguf":
		m.Family = p.settle(llamacpp)
		return checkGGUF(m.Path)
	case ".onnx":
		m.Family = p.settle(onnx)
		return nil
	case ".safetensors":
		// The configuration beside the weights says how they are quantised.
		m.Family = p.settle(transformers)
		dir := filepath.Dir(m.Path)
		if _, err := os.Stat(filepath.Join(dir, "config.json")); isAbsent(err) {
			return nil
		}
		return m.config(dir, p)
	}
	if m.Family = p.Family; m.Family != "" {
		return nil
	}
	return fault.New(fault.BadModel, "model %s is no kind of model file that is known", show(m.Path)).
		Fix("name the folder that holds the model, or say what runs it: --family transformers")
}

// checkGGUF reads the four bytes that every GGUF file begins with. A pointer
// of Git LFS in place of the weights is the usual reason that they are missing.
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

// folder fills in what the files of dir say; dir is m.Path, or a snapshot of
// the hub's cache.
func (m *Model) folder(dir string, p Places) error {
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
		m.Family = p.settle(transformers)
		return m.adapter(dir, p)
	case l.config:
		m.Family = p.settle(transformers)
		return m.config(dir, p)
	case l.weights != "":
		m.Family = p.settle(transformers)
		return nil
	case p.Family != "":
		return nil
	case l.diffusers:
		return fault.New(fault.BadModel, "model %s is a diffusers pipeline, which no family covers", show(dir)).Fix("name an env that has diffusers: --env KEY")
	}
	return fault.New(fault.BadModel, "model %s holds no *.gguf, *.onnx, *.safetensors, config.json or adapter_config.json", show(dir)).
		Fix("name the folder that holds the model's files, or say what runs it: --family transformers")
}

// ambiguous refuses to choose between two families: the wrong env in silence
// is worse than a question.
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
