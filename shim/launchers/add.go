package launchers

import (
	"github.com/modelrun/modelrun/shim/app"

	"cmp"
	"context"
	"fmt"
	"os"
	"os/user"
	"runtime"
	"strings"
	"time"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/shim/launcher"
	"github.com/modelrun/modelrun/shim/target"
)

// LauncherAddOptions are the options of `modelrun launcher add`.
type LauncherAddOptions struct {
	Name     string `arg:"" help:"Its name: a file's, without extension. Behind -- stands what it starts."`
	Kind     string `placeholder:"KIND" help:"script, desktop, systemd, supervisord, launchd, lnk, cmd, exe or nssm."`
	To       string `placeholder:"DIR" help:"Folder to write to; without it where its starter looks."`
	Icon     string `placeholder:"FILE" help:"Icon of a desktop entry or a shortcut."`
	Windowed bool   `help:"No terminal and no console."`
	System   bool   `help:"A systemd unit of the system, not of the user."`
	Account  string `placeholder:"NAME" help:"Account that runs a service."`
	Force    bool   `help:"Replace what is there; what is not modelrun's is kept as .bak."`
}

// add writes a new launcher and prints how to start it.
func (l launchers) add(o LauncherAddOptions) error {
	spec, err := newLauncherSpec(l.app, o)
	if err != nil {
		return err
	}
	dir, err := launcherFolder(l.app, spec, o.To)
	if err != nil {
		return err
	}
	before, readErr := l.records.Read(spec.Name)
	rec, kept, err := l.records.Put(spec, dir, o.Force)
	if err != nil {
		return err
	}
	out := l.app.UI.Plain()
	printWritten(out, rec, kept)
	if readErr == nil && before.Files[0].Path != rec.Files[0].Path {
		printRemoved(l.app, before, nil)
	}
	if next := rec.Next(l.app.Env.Get); next != "" {
		fmt.Fprintf(out, "to start it: %s\n", next)
	}
	warnOfVariables(l.app, spec.Kind)
	for _, f := range rec.Check(launcherEnvironment(l.app, rec)) {
		if f.ID == "shadowed" { // the rest was checked above, except the root, which the first start may create
			l.app.UI.Log.Warn(f.Text)
		}
	}
	return nil
}

// newLauncherSpec describes the launcher that the command line asks for. It checks
// the values.
func newLauncherSpec(a *app.App, o LauncherAddOptions) (*launcher.Spec, error) {
	base := a.Config.Base()
	spec := &launcher.Spec{
		Name: o.Name, Kind: launcher.Kind(cmp.Or(o.Kind, string(launcher.Default()))), Options: launcherOptions(a.Config, a.Line, nil),
		Command: a.Line.Program, Dir: base, Icon: linePath(a, o.Icon), Windowed: o.Windowed, Account: o.Account, System: o.System,
	}
	err := launcher.Validate(spec)
	if err == nil {
		spec.Program, err = ownProgram(a.Env, spec.Windowed)
	}
	if err == nil {
		err = checkLauncherInputs(a, spec, launcherInputs{model: true, icon: true, script: true, account: true})
	}
	return spec, err
}

// launcherFolder returns the folder for a new launcher. It is the folder to, which
// must exist, or else the folder in which its starter looks.
func launcherFolder(a *app.App, spec *launcher.Spec, to string) (string, error) {
	if to == "" {
		return launcher.Folder(spec, a.Env.Get)
	}
	dir := linePath(a, to)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return "", fault.New(fault.BadUsage, "--to: %s is not a folder", dir).Fix("%s", fault.Shell("mkdir -p ", "mkdir ", dir))
	}
	return dir, nil
}

// warnOfVariables warns about MODELRUN_* variables that apply here, but probably
// not where another program starts the launcher.
func warnOfVariables(a *app.App, kind launcher.Kind) {
	if kind == launcher.Script || kind == launcher.Batch || kind == launcher.Exe {
		return // most likely started from the same prompt
	}
	var names []string
	for _, row := range a.Config.Rows() {
		if name, ok := strings.CutPrefix(row.From, "variable "); ok {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		a.UI.Log.Warn("set here, and most likely not where the launcher is started: " + strings.Join(names, ", ") + "; options such as --root say it there as well")
	}
}

// launcherInputs records which inputs of a launcher this command line gives.
type launcherInputs struct{ model, icon, script, account bool }

// checkLauncherInputs returns an error if an input of this command line does not
// exist. It runs before anything is written. For an older launcher, Record.Check
// finds what is missing.
func checkLauncherInputs(a *app.App, spec *launcher.Spec, given launcherInputs) error {
	if given.model {
		if _, err := a.Finder().Model(); err != nil {
			return err
		}
	}
	if family := a.Config.Value("family"); family.Text != "" {
		if _, err := target.FamilyNamed(family.Text, family.From); err != nil {
			return err
		}
	}
	if key := a.Config.String("env_key"); key != "" {
		if _, err := envdir.ParseKey(key); err != nil {
			return err
		}
	}
	if given.icon && spec.Icon != "" && !fsys.Exists(spec.Icon) {
		return fault.New(fault.BadUsage, "--icon: %s is not there", spec.Icon).Fix("name a file that exists")
	}
	if script := launcherScript(spec); given.script && script != "" && !fsys.Exists(script) {
		return fault.New(fault.BadUsage, "script %s is not there", script).Fix("correct its path; a relative one starts at the working directory, see -C")
	}
	if given.account && spec.Account != "" && !accountExists(spec.Account) {
		return fault.New(fault.BadUsage, "--account: there is no account %s", spec.Account).
			Fix("name an account that exists")
	}
	return nil
}

// accountExists reports whether this machine knows an account. Without cgo, os/user
// reads only /etc/passwd. id(1) also knows the accounts of a directory service.
func accountExists(name string) bool {
	_, err := user.Lookup(name)
	if runtime.GOOS == "windows" {
		return err == nil || launcher.Passwordless(name) // Windows finds neither LocalSystem nor the account of a service that does not exist yet
	}
	if err == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	res, err := execx.Run(ctx, execx.Cmd{Path: "/usr/bin/id", Args: []string{"-u", "--", name}, Dir: "/"})
	return err == nil && res.ExitCode == 0
}
