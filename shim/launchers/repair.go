package launchers

import (
	"fmt"
	"path/filepath"
	"runtime"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/shim/app"
	"github.com/modelrun/modelrun/shim/cli"
	"github.com/modelrun/modelrun/shim/launcher"
	"github.com/modelrun/modelrun/shim/terminal"
)

// LauncherRepairOptions are the options of `modelrun launcher repair`.
type LauncherRepairOptions struct {
	Name    string `arg:"" optional:"" help:"Only this one."`
	Icon    string `placeholder:"FILE" help:"Its new icon."`
	Account string `placeholder:"NAME" help:"Its new account."`
}

// repair rewrites launchers for the running modelrun, with the options of the
// command line. Then it prints the remaining findings. overrides reports whether
// the command line has options for a launcher.
func (l launchers) repair(o LauncherRepairOptions, overrides bool) error {
	if o.Name == "" && overrides {
		return fault.New(fault.BadUsage, "which launcher gets these options is not said").Fix("modelrun launcher repair NAME …   # the names: modelrun launcher list")
	}
	names, err := l.selected(o.Name)
	if err != nil {
		return err
	}
	out, log := l.app.UI.Plain(), l.app.UI.Log
	if len(names) == 0 {
		_, err := fmt.Fprintf(out, "no launchers\n")
		return err
	}
	var result error
	for _, name := range names {
		if err := l.rewrite(name, o, overrides); err != nil {
			if o.Name != "" {
				return err
			}
			log.Error("error: " + terminal.OneLine(name) + ": " + err.Error()) // then continue with the next one
			log.Error("hint: " + fault.RemedyOf(err))
			result = app.NotAll
			continue
		}
		left := l.findings(name)
		printFindings(out, left)
		if len(left.Findings) > 0 {
			result = app.NotAll
		}
	}
	return result
}

// rewrite rewrites one launcher.
func (l launchers) rewrite(name string, o LauncherRepairOptions, overrides bool) error {
	rec, err := l.read(name)
	if err != nil {
		return err
	}
	spec, err := repairedSpec(l.app, rec, o)
	if err != nil {
		return err
	}
	if overrides {
		flags := l.app.Line.Flags
		given := launcherInputs{model: flags["model"] != "", icon: o.Icon != "", script: flags["cwd"] != "", account: o.Account != ""}
		if err := checkLauncherInputs(l.app, spec, given); err != nil {
			return err
		}
	}
	dir, err := repairFolder(l.app, name, rec, spec)
	if err != nil {
		return err
	}
	next, kept, err := l.records.Put(spec, dir, true)
	if err != nil {
		return err
	}
	out := l.app.UI.Plain()
	printWritten(out, next, kept)
	if then := next.Reload(); then != "" {
		fmt.Fprintf(out, "then: %s\n", then)
	}
	return nil
}

// repairedSpec describes a launcher as it should be rewritten.
func repairedSpec(a *app.App, rec *launcher.Record, o LauncherRepairOptions) (*launcher.Spec, error) {
	spec := rec.Spec
	var err error
	if spec.Program, err = ownProgram(a.Env, spec.Windowed); err != nil {
		return nil, err
	}
	before, err := cli.ParseOptions(rec.Options, a.Config.Table())
	if err != nil {
		return nil, err
	}
	spec.Options = launcherOptions(a.Config, a.Line, &before)
	if a.Line.Flags["cwd"] != "" {
		spec.Dir = a.Config.Base()
	}
	if o.Icon != "" {
		spec.Icon = linePath(a, o.Icon)
	}
	if o.Account != "" {
		spec.Account = o.Account
	}
	return &spec, launcher.Validate(&spec)
}

// repairFolder returns the folder for a repaired launcher, which is the one it was
// in. On Windows some kinds are in the folder in which the program starts, and move
// with it.
func repairFolder(a *app.App, name string, rec *launcher.Record, spec *launcher.Spec) (string, error) {
	dir := filepath.Dir(rec.Files[0].Path)
	if runtime.GOOS == "windows" {
		if before, err := launcher.Folder(&rec.Spec, a.Env.Get); err == nil && before == dir {
			dir, _ = launcher.Folder(spec, a.Env.Get) // no error is possible: it is of the same kind
		}
	}
	if usual, err := launcher.Folder(spec, a.Env.Get); !fsys.Exists(dir) && (err != nil || usual != dir || dir == spec.Dir) {
		return "", fault.New(fault.BadUsage, "%s is not there, and the launcher lay in it", dir).
			Fix("modelrun launcher remove %s   # then add it where it shall lie now", fault.Quote(name))
	}
	return dir, nil
}
