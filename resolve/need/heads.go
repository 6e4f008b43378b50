package need

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/header"
)

// maxPointer is more than a pointer of Git LFS has, and less than any weights.
const maxPointer = 1 << 10

// present returns an error if a file is a pointer of Git LFS and not the file itself, or is
// JSON that is too large. It reads only files that are as small as a pointer.
func present(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil, !info.Mode().IsRegular():
		return nil // who needs the file reports that
	case info.Size() > maxJSON && hasExt(path, ".json"):
		return badJSON(path, errSize)
	case info.Size() == 0, info.Size() > maxPointer:
		return nil
	}
	if kind, err := header.Sniff(path); err != nil || kind != header.KindLFSPointer {
		return nil
	}
	return fault.New(fault.BadModel, "model %s is a pointer of Git LFS, not the file itself", show(path)).
		Fix("git -C %s lfs pull", fault.Quote(filepath.Dir(path)))
}

// fromGGUF reads the GGUF file at path: what it is made for decides what loads it. A
// family that the user named needs no reading.
func (m *Model) fromGGUF(path string, p Places) error {
	if m.is(kindNamed(kindGGUF), p); p.Family != "" {
		m.prove(path, "", "")
		return nil
	}
	architecture, err := header.GGUFArchitecture(path)
	switch first := firstPart(path); {
	case errors.Is(err, header.ErrVersion):
		return fault.New(fault.BadModel, "model %s: %w", show(path), err).Fix("get a newer modelrun, or say what runs it: --family llamacpp")
	case errors.Is(err, header.ErrFormat): // cut off: its first bytes are enough
		m.prove(path, "", "")
	case err != nil:
		return unreadableModel(path, err)
	case architecture == "" && first != "":
		return fault.New(fault.BadModel, "model %s is not the first part of its model", show(path)).Fix("name the first part: --model %s", fault.Quote(first))
	case architecture == "":
		return fault.New(fault.BadModel, "model %s does not say which architecture it has, and llama.cpp needs that", show(path)).
			Fix("say what runs it, for example --family llamacpp")
	case kindNamed(kindDiffusionGGUF).builds(architecture):
		k := kindNamed(kindDiffusionGGUF)
		m.prove(path, "general.architecture", architecture)
		m.is(k, p)
		return fault.New(fault.BadModel, "model %s is %s (%s)", show(m.Name), k.Title, m.Evidence[0]).
			Fix("say what loads it, for example --family diffusers --with gguf")
	default:
		m.prove(path, "general.architecture", architecture)
	}
	return nil
}

// firstPart returns the first file of a model that is split into several GGUF files,
// "NAME-00001-of-00003.gguf". It returns "" for the first file, and for any other name.
func firstPart(path string) string {
	ext := filepath.Ext(path)
	stem := strings.TrimSuffix(path, ext)
	of := strings.LastIndex(stem, "-of-")
	at := of - len("-00001")
	if at <= 0 || len(stem[of:]) != len("-of-00003") || stem[at] != '-' || stem[at:of] == "-00001" {
		return ""
	}
	return stem[:at] + "-00001" + stem[of:] + ext
}

// kindOfTensors returns the kind that the head of a safetensors file proves, or nil.
// The error says what is wrong with the file.
func kindOfTensors(path string) (*Kind, Evidence, error) {
	if !hasExt(path, ".safetensors") {
		if head, err := header.Sniff(path); head != header.KindSafetensors {
			return nil, Evidence{}, err
		}
	}
	s, err := header.ReadSafetensors(path)
	if err != nil {
		return nil, Evidence{}, err
	}
	if s.Format == kindMLX {
		return kindNamed(kindMLX), evidence(path, "format", s.Format), nil
	}
	for i := range kinds {
		for _, name := range s.Tensors {
			if kinds[i].holds(name) {
				return &kinds[i], evidence(path, "tensor", name), nil
			}
		}
	}
	return nil, Evidence{}, nil
}

// card is the file name of a model card.
const card = "README.md"

// kindOfCard returns the kind that a model card names in library_name, or nil. The
// name is the evidence's value, also if it is that of no kind.
func kindOfCard(path string) (*Kind, Evidence) {
	library, _ := header.CardLibrary(path) // a card that cannot be read names no library
	return kindOfLibrary(library), evidence(path, "library_name", library)
}
