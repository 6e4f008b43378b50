package app

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/need"
	"github.com/modelrun/modelrun/resolve/store"
	"github.com/modelrun/modelrun/shim/config"
)

// ForModel returns the App for the model of an old env. A project's family and key
// are meant for the project's own model, so they do not apply to another one.
func (a *App) ForModel(name string, old envdir.ID) *App {
	own, _ := a.Silent().Finder().Model() // after an error there is no model
	if own.OldID() == old {
		return a
	}
	cfg := a.Config
	for _, setting := range []string{"env_key", "family"} {
		if cfg.Value(setting).Project != "" {
			cfg = cfg.With(setting, config.Value{})
		}
	}
	return a.WithConfig(cfg.With("model", config.Value{Text: name, From: "modelrun migrate"}))
}

// OldModels finds the models of old envs. It looks at the model that is named or
// found here, at the notes of earlier starts, at the id itself, and at files
// nearby. An id is the MD5 of the model's path, so a path with that MD5 is the
// model.
func (a *App) OldModels(dirs []envdir.Dir) map[envdir.ID]string {
	root := a.Config.Root()
	notes := store.Catalogue{Root: root}
	search := modelSearch{
		wanted: map[envdir.ID]bool{}, found: map[envdir.ID]string{},
		left: modelSearchFiles, skip: root.Environments(),
	}
	own, _ := a.Silent().Finder().Model() // after an error there is no model
	for _, d := range dirs {
		id := envdir.ID(d.Name)
		switch name := cmp.Or(notes.ModelOf(id), need.HubName(id)); {
		case own.OldID() == id:
			search.found[id] = cmp.Or(own.Hub, own.Path)
		case name != "":
			search.found[id] = name
		default:
			search.wanted[id] = true
		}
	}
	for _, dir := range []string{a.Config.Base(), string(root)} {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			search.look(real, modelSearchDepth)
		}
	}
	return search.found
}

// The limits of the search for models: the depth of folders, and the total number
// of files.
const (
	modelSearchDepth = 3
	modelSearchFiles = 10_000
)

// modelSearch searches folders for the models of ids that no earlier start has
// noted.
type modelSearch struct {
	wanted map[envdir.ID]bool
	found  map[envdir.ID]string
	left   int    // files that may still be examined
	skip   string // a folder that holds no models
}

// look examines path, and the folders below it down to the given depth.
func (s *modelSearch) look(path string, depth int) {
	if id := envdir.LocalID(path); s.wanted[id] {
		delete(s.wanted, id)
		s.found[id] = path
	}
	if depth == 0 || path == s.skip {
		return
	}
	entries, _ := os.ReadDir(path) // empty for a file or an unreadable folder
	for _, e := range entries {
		if s.left--; s.left < 0 || len(s.wanted) == 0 {
			return
		}
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		below, err := filepath.Join(path, e.Name()), error(nil)
		if e.Type()&os.ModeSymlink != 0 {
			below, err = filepath.EvalSymlinks(below)
		}
		if err == nil {
			s.look(below, depth-1)
		}
	}
}
