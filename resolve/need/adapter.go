package need

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
)

// maxChain limits how many adapters may build on each other. One is usual.
// There are two if a merged model kept its own adapter's file and has another
// adapter.
const maxChain = 4

// fromAdapter reads the adapter in dir. Its base model determines the
// quantisation. Nothing else of the base matters, because peft loads it with
// transformers. A base that is not found is not an error.
func (m *Model) fromAdapter(dir string, p Places) error {
	seen := []string{resolved(dir)}
	for {
		base, err := baseName(dir)
		if err != nil {
			return err
		}
		if base == "" {
			m.note("adapter " + show(dir) + " names no base model: it counts as transformers")
			return nil
		}
		next, err := findBase(base, dir, p)
		if err != nil {
			return err
		}
		if next == "" {
			says := ""
			if m.isQuantised(quantOfID(base)); m.Quant != "" {
				says = " with " + m.Quant + ", by its name"
			}
			m.note("base model " + show(base) + " of adapter " + show(dir) + " is not here: it counts as transformers" + says)
			return nil
		}
		l, err := list(next)
		if err != nil {
			return unreadableModel(next, err)
		}
		switch err := l.complete(next, nil); {
		case err != nil:
			return err
		case l.config && !l.has(adapterFile):
			m.Pickle = l.pickle(next) // that of the adapter is opened by peft, which takes any torch
			_, err := m.fromConfig(next, l)
			return err
		case !l.has(adapterFile):
			m.note("base model " + show(next) + " of adapter " + show(dir) + " has no config.json: it counts as transformers")
			return nil
		}
		if dir = next; slices.Contains(seen, resolved(dir)) || len(seen) >= maxChain {
			return fault.New(fault.BadModel, "the base models of these adapters go on without end: %s", show(strings.Join(append(seen, dir), " → "))).
				Fix("correct base_model_name_or_path in %s", show(filepath.Join(dir, adapterFile)))
		}
		seen = append(seen, resolved(dir))
	}
}

const adapterFile = "adapter_config.json"

// baseName reads the base model's name from an adapter's file.
func baseName(dir string) (string, error) {
	var a struct {
		Base *string `json:"base_model_name_or_path"`
	}
	if err := readJSON(filepath.Join(dir, adapterFile), &a); err != nil || a.Base == nil {
		return "", err
	}
	return strings.TrimSpace(*a.Base), nil
}

// ofServer reports whether a path is on a server of Windows, \\server\share, on which none
// of the known folders is. To look there would send the user's name to a server that a
// model's file chose. On other systems no path is.
func ofServer(path string, known ...string) bool {
	volume := filepath.VolumeName(path)
	return len(volume) > len("C:") && !slices.ContainsFunc(known, func(dir string) bool { return strings.EqualFold(filepath.VolumeName(dir), volume) })
}

// findBase returns the folder of a base model: relative to the adapter, to the folder
// that the adapter's links lead to, to the working directory, or in the hub's cache.
// It returns "" if there is none.
func findBase(base, dir string, p Places) (string, error) {
	if checkName(base) != nil || ofServer(base, dir, p.Cwd) {
		return "", nil
	}
	for _, from := range []string{dir, resolved(dir), p.Cwd} {
		path, here, err := find(base, from)
		if err != nil {
			return "", unreadableModel(path, err)
		}
		if here && isDir(path, "") {
			return path, nil
		}
	}
	if !isHubID(base) {
		return "", nil
	}
	return snapshot(base, p)
}
