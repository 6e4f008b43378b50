package launchers

import (
	"github.com/modelrun/modelrun/shim/app"

	"fmt"

	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/shim/launcher"
	"github.com/modelrun/modelrun/shim/terminal"
)

// LauncherRemoveOptions are the options of `modelrun launcher remove`.
type LauncherRemoveOptions struct {
	Name  string `arg:"" help:"Which."`
	Force bool   `help:"Also when it was changed by hand, which is kept as .bak, or is enabled."`
}

// remove deletes a launcher's files and its record.
func (l launchers) remove(o LauncherRemoveOptions) error {
	rec, err := l.read(o.Name)
	if err != nil {
		return err
	}
	kept, err := l.records.Remove(rec, o.Force, l.app.Env.Get)
	if err != nil {
		return err
	}
	printRemoved(l.app, rec, kept)
	return nil
}

// printRemoved lists the deleted files of a launcher that was removed or replaced,
// and the commands that the user still has to run.
func printRemoved(a *app.App, rec *launcher.Record, kept []string) {
	out := a.UI.Plain()
	for _, w := range rec.Files {
		if !fsys.Exists(w.Path) {
			fmt.Fprintf(out, "removed %s\n", terminal.OneLine(w.Path))
		}
	}
	for _, path := range kept {
		fmt.Fprintf(out, "kept what was changed by hand as %s\n", terminal.OneLine(path))
	}
	if stop := rec.Stop(a.Env.Get); stop != "" {
		fmt.Fprintf(out, "if it still runs: %s\n", stop)
	}
	if forget := rec.Forget(); forget != "" {
		fmt.Fprintf(out, "then: %s\n", forget)
	}
}
