package need

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
)

// maxChain is how many adapters may stand on each other. One is usual; two
// are an adapter of a merged one that kept its file.
const maxChain = 4

// adapter fills in what the adapter in dir says: its base decides on the
// quantisation. peft loads the base with transformers, so nothing else of the
// base counts. A base that is not found is no error.
func (m *Model) adapter(dir string, p Places) error {
	seen := []string{resolved(dir)}
	for {
		base, err := baseName(dir)
		if err != nil {
			return err
		}
		if m.Base == "" {
			m.Base = base
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
			m.note("base model " + show(base) + " of adapter " + show(dir) + " is not here: it counts as transformers")
			return nil
		}
		switch l, err := list(next); {
		case err != nil:
			return unreadableModel(next, err)
		case l.config && !l.adapter:
			return m.config(next, p)
		case !l.adapter:
			m.note("base model " + show(next) + " of adapter " + show(dir) + " has no config.json: it counts as transformers")
			return nil
		}
		if dir = next; slices.Contains(seen, dir) || len(seen) >= maxChain {
			return fault.New(fault.BadModel, "adapters stand on each other without end: %s", show(strings.Join(append(seen, dir), " → "))).
				Fix("correct base_model_name_or_path in %s", show(filepath.Join(dir, adapterFile)))
		}
		seen = append(seen, dir)
	}
}

const adapterFile = "adapter_config.json"

func baseName(dir string) (string, error) {
	var a struct {
		Base *string `json:"base_model_name_or_path"`
	}
	if err := readJSON(filepath.Join(dir, adapterFile), &a); err != nil || a.Base == nil {
		return "", err
	}
	return strings.TrimSpace(*a.Base), nil
}

// findBase is the resolved folder of a base model: beside the adapter, in the
// working directory, or in the hub's cache; "" when there is none.
func findBase(base, dir string, p Places) (string, error) {
	if badName(base) != nil {
		return "", nil
	}
	for _, from := range []string{dir, p.Cwd} {
		path, here, err := find(base, from)
		if err != nil {
			return "", unreadableModel(path, err)
		}
		if here && isDir(path, "") {
			return resolved(path), nil
		}
	}
	if !isHubID(base) {
		return "", nil
	}
	return snapshot(base, p)
}
