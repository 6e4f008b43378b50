package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// Catalogue lists the envs of a root, and the models that use them.
type Catalogue struct{ Root envdir.Root }

// Keys returns the published shared envs, sorted. A root without envs has none.
func (c Catalogue) Keys() ([]envdir.Key, error) {
	entries, err := os.ReadDir(c.Root.Envs())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var keys []envdir.Key
	for _, e := range entries {
		if k, err := envdir.ParseKey(e.Name()); err == nil && e.IsDir() {
			keys = append(keys, k)
		}
	}
	return keys, nil
}

// Envs returns all envs of the root: shared ones, those in .next, and old ones. It
// includes files and links that have the name of an env: the caller reports them.
func (c Catalogue) Envs() ([]envdir.Dir, error) {
	entries, err := os.ReadDir(c.Root.Envs())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var out []envdir.Dir
	for _, e := range entries {
		k, err := envdir.ParseKey(e.Name())
		if err != nil {
			continue
		}
		out = append(out, c.Root.Shared(k))
		if next := c.Root.Next(k); fsys.IsDir(next.Path) {
			out = append(out, next)
		}
	}
	entries, err = os.ReadDir(c.Root.Environments())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		id, ok := envdir.OldID(e.Name())
		if !ok {
			continue // not the name of a model: it could add lines to our tables
		}
		if d := c.Root.Old(id); fsys.IsDir(d.Venv()) {
			out = append(out, d)
		}
	}
	return out, nil
}

// NoteModel records that a model uses an env: one small file, written once.
func (c Catalogue) NoteModel(d envdir.Dir, id envdir.ID, model string) error {
	path := c.Root.State().Model(d, id)
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	return fsys.WriteFile(path, []byte(model+"\n"))
}

// Models returns the models that were started in an env, sorted.
func (c Catalogue) Models(d envdir.Dir) []string {
	dir := filepath.Dir(c.Root.State().Model(d, "x"))
	entries, _ := os.ReadDir(dir) // after an error there are no models
	models := []string{}
	for _, e := range entries {
		data, err := fsys.ReadFile(filepath.Join(dir, e.Name()), maxState)
		model := strings.TrimSuffix(string(data), "\n")
		if err == nil && !strings.HasPrefix(e.Name(), ".") && isLine(model) {
			models = append(models, model)
		}
	}
	sort.Strings(models)
	return models
}

// ModelOf returns the name of the model that an old env belongs to, as a start of
// the env noted it, or "". It ignores a note whose model has another id.
func (c Catalogue) ModelOf(id envdir.ID) string {
	envs, _ := os.ReadDir(c.Root.State().Models()) // after an error there are no notes
	for _, e := range envs {
		data, err := fsys.ReadFile(c.Root.State().Model(envdir.Dir{Name: e.Name()}, id), maxState)
		model := strings.TrimSuffix(string(data), "\n")
		if err == nil && isLine(model) && (envdir.LocalID(model) == id || envdir.HubID(model) == id) {
			return model
		}
	}
	return ""
}

// LastUsed returns the day when an env was last started, or the zero time if it
// never was.
func (c Catalogue) LastUsed(d envdir.Dir) time.Time {
	info, err := os.Stat(c.Root.Lease(d))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}
