// Package launchers implements `modelrun launcher`: it writes, lists, checks,
// repairs and removes launchers. Package launcher handles their files.
package launchers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/shim/app"
	"github.com/modelrun/modelrun/shim/cli"
	"github.com/modelrun/modelrun/shim/config"
	"github.com/modelrun/modelrun/shim/launcher"
	"github.com/modelrun/modelrun/shim/terminal"
)

// LauncherOptions are the options of `modelrun launcher`, one struct per verb.
type LauncherOptions struct {
	Add    LauncherAddOptions    `cmd:"" help:"Write a launcher: a script, a desktop entry, a unit of a service manager, a shortcut."`
	List   LauncherListOptions   `cmd:"" help:"List the launchers."`
	Check  LauncherCheckOptions  `cmd:"" help:"Look whether what they name is still there."`
	Repair LauncherRepairOptions `cmd:"" help:"Write them anew, with this modelrun; options such as -m replace what moved."`
	Remove LauncherRemoveOptions `cmd:"" help:"Delete a launcher."`
}

// Command declares `modelrun launcher`.
func Command() app.Command {
	var o LauncherOptions
	return app.Command{
		Sub: cli.Sub{
			Name: "launcher",
			Help: "Write, check and repair launchers: scripts, shortcuts, services.",
			Examples: `Each is a file that starts a program with modelrun, from anywhere.

  modelrun launcher add chat -m models/llama -- python load_model.py
  modelrun launcher add serve --kind systemd -- python serve.py --port 8000
  modelrun launcher check
  modelrun launcher repair chat -m models/llama-3`,
			Options: &o,
		},
		Needs: app.Nothing,
		Run:   func(ctx context.Context, a *app.App) error { return Launcher(ctx, a, o) },
	}
}

// Launcher writes, lists, checks, repairs or removes launchers, depending on
// a.Line.Verb. It reads the configuration files only if it checks new values. So a
// launcher can be listed, repaired and removed even if its root or a configuration
// file is broken.
func Launcher(_ context.Context, a *app.App, o LauncherOptions) error {
	records, err := launcherRecords(a.Env)
	if err != nil {
		return err
	}
	overrides := a.Line.Verb == "repair" && (hasOptions(a) || o.Repair.Icon != "" || o.Repair.Account != "")
	load := a.LoadOptions
	if a.Line.Verb == "add" || overrides {
		load = a.LoadSettings // nothing is written unless every value is valid
	}
	if a, err = load(); err != nil {
		return err
	}
	l := launchers{records: records, app: a}
	switch a.Line.Verb {
	case "add":
		return l.add(o.Add)
	case "list":
		return l.list(o.List)
	case "check":
		return l.check(o.Check)
	case "repair":
		return l.repair(o.Repair, overrides)
	default:
		return l.remove(o.Remove)
	}
}

// launcherRecords returns the user's folder of launcher records, beside the
// configuration file.
func launcherRecords(env execx.Environ) (launcher.Records, error) {
	file := config.UserFile(env)
	if file == "" {
		return "", fault.New(fault.BadConfig, "there is no folder for what is kept of launchers: HOME is %q", env.Get("HOME")).Fix("set HOME to your own folder")
	}
	return launcher.Records(filepath.Join(filepath.Dir(file), "launchers")), nil
}

// launchers holds the user's launchers for one command.
type launchers struct {
	records launcher.Records
	app     *app.App
}

// read returns the record of a launcher that must exist.
func (l launchers) read(name string) (*launcher.Record, error) {
	rec, err := l.records.Read(name)
	if !errors.Is(err, launcher.ErrNone) {
		return rec, err
	}
	names, _ := l.records.Names() // after an error there is nothing to suggest
	f := fault.New(fault.BadUsage, "there is no launcher %q", name)
	if near := fault.Nearest(name, names); near != "" {
		return rec, f.Fix("did you mean %q?", near)
	}
	return rec, f.Fix("modelrun launcher list")
}

// selected returns the names of the launchers that a command applies to: the given
// one, which must exist, or all of them for "".
func (l launchers) selected(name string) ([]string, error) {
	names, err := l.records.Names()
	if err != nil || name == "" {
		return names, err
	}
	if !slices.Contains(names, name) {
		_, err = l.read(name)
	}
	return []string{name}, err
}

// launcherScript returns the absolute path of the script that a launcher starts, or
// "".
func launcherScript(spec *launcher.Spec) string {
	name := config.ScriptOf(spec.Command)
	if name == "" {
		return ""
	}
	return fsys.Absolute(name, spec.Dir)
}

// linePath makes a path from the command line absolute. It returns "" unchanged.
func linePath(a *app.App, path string) string {
	if path == "" {
		return ""
	}
	return fsys.Absolute(path, a.Config.Base())
}

// ownProgram returns the program for a launcher to call: this modelrun, by the name
// under which PATH finds it. That name may be a link, and its target may move with
// the next version.
func ownProgram(env execx.Environ, windowed bool) (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fault.New(fault.Internal, "where modelrun is cannot be found out: %w", err).Fix("install it anew")
	}
	path = execx.Plain(path)
	if runtime.GOOS == "windows" {
		path = filepath.Join(filepath.Dir(path), map[bool]string{false: "modelrun.exe", true: "modelrunw.exe"}[windowed])
	}
	own, err := os.Stat(path)
	if err != nil {
		return "", fault.New(fault.CannotStart, "%s is not there: %w", path, err).Fix("install modelrun as a whole")
	}
	for _, dir := range filepath.SplitList(env.Get("PATH")) {
		link := filepath.Join(dir, filepath.Base(path))
		if info, err := os.Stat(link); filepath.IsAbs(dir) && err == nil && os.SameFile(own, info) {
			return link, nil
		}
	}
	return path, nil
}

// printWritten lists the files that were written, and the files that were kept
// under another name.
func printWritten(out io.Writer, rec *launcher.Record, kept []string) {
	for _, w := range rec.Files {
		fmt.Fprintf(out, "wrote %s\n", terminal.OneLine(w.Path))
	}
	for _, path := range kept {
		fmt.Fprintf(out, "kept what was there as %s\n", terminal.OneLine(path))
	}
}
