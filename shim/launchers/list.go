package launchers

import (
	"fmt"
	"strings"

	"github.com/modelrun/modelrun/shim/launcher"
	"github.com/modelrun/modelrun/shim/terminal"
)

// LauncherListOptions are the options of `modelrun launcher list`.
type LauncherListOptions struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// launcherListDoc is the document of `launcher list --json`.
type launcherListDoc struct {
	Schema    int           `json:"schema"`
	Launchers []launcherDoc `json:"launchers"`
}

// launcherDoc is one launcher in [launcherListDoc].
type launcherDoc struct {
	launcher.Spec
	Files []launcherFileDoc `json:"files"`
}

// launcherFileDoc is one file of a launcher.
type launcherFileDoc struct {
	Path  string         `json:"path"`
	State launcher.State `json:"state"`
}

// list shows the launchers. It logs a warning for an unreadable record.
func (l launchers) list(o LauncherListOptions) error {
	names, err := l.records.Names()
	if err != nil {
		return err
	}
	doc := launcherListDoc{Schema: terminal.Schema, Launchers: []launcherDoc{}}
	for _, name := range names {
		rec, err := l.records.Read(name)
		if err != nil {
			l.app.UI.Log.Warn(err.Error())
			continue
		}
		d := launcherDoc{Spec: rec.Spec}
		for _, w := range rec.Files {
			d.Files = append(d.Files, launcherFileDoc{w.Path, w.State()})
		}
		doc.Launchers = append(doc.Launchers, d)
	}
	if o.JSON {
		return l.app.UI.JSON(doc)
	}
	out := l.app.UI.Plain()
	if len(doc.Launchers) == 0 {
		_, err := fmt.Fprintf(out, "no launchers\n")
		return err
	}
	var t terminal.Table
	t.Row("NAME", "KIND", "STARTS", "FILE")
	for _, d := range doc.Launchers {
		file := d.Files[0].Path
		if d.Files[0].State != launcher.Same {
			file += " (" + string(d.Files[0].State) + ")"
		}
		t.Row(terminal.OneLine(d.Name), string(d.Kind), terminal.OneLine(strings.Join(d.Command, " ")), terminal.OneLine(file))
	}
	return t.Write(out)
}
