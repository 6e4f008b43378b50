package target

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/need"
	"github.com/modelrun/modelrun/shim/config"
)

// Model returns the model that is named, else the one in the script's folder, else
// the one in the folder that the script leads to, else the one in the working
// directory. It returns the zero Model if there is none.
func (f Finder) Model() (need.Model, error) {
	c := f.Config
	places := need.Places{Cwd: c.Base(), HubDir: hubDir(f.Program, c.Base()), Family: c.String("family")}
	name := c.String("model")
	if name != "" {
		from := c.Value("model").From
		if err := config.CheckName("model", name, from); err != nil {
			return need.Model{}, err
		}
		if filepath.IsAbs(from) {
			places.Cwd = filepath.Dir(from) // a path in a file is relative to the file
		}
	} else {
		dirs := append(slices.Clone(c.ScriptDirs()), c.Base())
		i := slices.IndexFunc(dirs, need.Holds)
		if i < 0 {
			return need.Model{}, nil
		}
		name = dirs[i]
	}
	m, err := need.Of(name, places)
	if err != nil && c.IsSet("env_key") && (m.Path != "" || m.Hub != "") {
		return m, nil // the key is named, so the content of the files does not matter
	}
	for _, note := range m.Notes {
		f.Log.Info(note)
	}
	return m, withOld(f.Config.Root(), m, err)
}

// withOld returns an error whose hint, if it asks for an environment, names the old one
// of the model: that has served it so far.
func withOld(root envdir.Root, m need.Model, err error) error {
	var e *fault.Error
	if !errors.As(err, &e) || m.OldID() == "" {
		return err
	}
	hint, asks := strings.CutSuffix(e.Remedy, "--env KEY")
	if old := root.Old(m.OldID()); asks && fsys.Exists(old.Path) {
		return e.Fix("%s--env %s", hint, old.Name)
	}
	return err
}

// codeNotes names the requirements file that comes with a model's own code. It is what
// others wrote, so nothing of it is installed unasked.
func codeNotes(f Finder, t Target) []string {
	file := filepath.Join(t.Model.Path, "requirements.txt")
	if !t.Model.Code || t.Exact || t.Model.Kind == "peft" || f.Config.IsSet("requirements") || !fsys.Exists(file) {
		return nil
	}
	if t.Model.Hub == "" && !filepath.IsAbs(t.Model.Name) && filepath.Join(f.Config.Base(), t.Model.Name) == t.Model.Path && f.Config.Flag("cwd") == "" {
		file = filepath.Join(t.Model.Name, "requirements.txt")
	}
	return []string{"the model's own code comes with " + file + ", of which nothing is installed. To have it too, run: modelrun" + f.RootOption() +
		" --with-requirements " + fault.Quote(file) + " -m " + f.ModelName(t) + " -- python …"}
}
