package command

import (
	"cmp"
	"context"
	"fmt"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/shim/app"
	"github.com/modelrun/modelrun/shim/cli"
	"github.com/modelrun/modelrun/shim/target"
	"github.com/modelrun/modelrun/shim/terminal"
)

// DoctorOptions are the options of `modelrun doctor`.
type DoctorOptions struct {
	Deep bool `help:"Also import what each environment is for, one after another; takes minutes."`
	JSON bool `name:"json" help:"Print JSON."`
}

// doctorCommand declares `modelrun doctor`.
func doctorCommand() app.Command {
	var o DoctorOptions
	return app.Command{
		Sub: cli.Sub{
			Name: "doctor",
			Help: "Check machine, tools, root and every environment.",
			Examples: `It contacts no network and exits with 1 for findings, each with a remedy.

  modelrun doctor
  modelrun doctor --deep --json`,
			Options: &o,
		},
		Needs:    app.AnyRoot,
		ReadOnly: true,
		Run:      func(ctx context.Context, a *app.App) error { return Doctor(ctx, a, o) },
	}
}

// checkState is the outcome of one check. Only a warning and a failure are
// findings: an environment that has not been probed yet is not a fault.
type checkState string

const (
	checkOK      checkState = "ok"
	checkWarning checkState = "warning"
	checkFailed  checkState = "failed"
	checkUnknown checkState = "unknown"
)

// doctorDoc is the document of `doctor --json`.
type doctorDoc struct {
	Schema   int         `json:"schema"`
	Root     string      `json:"root"`
	Deep     bool        `json:"deep"`
	Findings int         `json:"findings"` // warnings and failures
	Checks   []doctorRow `json:"checks"`
}

// doctorRow is one check of a [doctorDoc].
type doctorRow struct {
	ID     string     `json:"id"` // the same in every version
	State  checkState `json:"state"`
	Text   string     `json:"text"`
	Remedy string     `json:"remedy"` // a command; "" if there is nothing to do
}

// doctor is one run of the command: the data that its checks use, and their
// findings.
type doctor struct {
	app      *app.App
	finder   target.Finder
	deps     *resolve.Deps
	subjects *subjects
	deep     bool
	doc      doctorDoc

	want    target.Target // what a launch here would make an environment for
	plan    profile.Plan  // what that launch would install
	planErr error         // the reason if there is no plan
}

// Doctor checks everything that a launch depends on. It returns [app.NotAll] if
// there are findings.
//
// It contacts no network. It changes nothing, except that it creates and removes a
// file to test locks. From the root it runs only uv and Python, and with --deep the
// python of each environment.
func Doctor(ctx context.Context, a *app.App, o DoctorOptions) error {
	ctx, stop := app.Interruptible(ctx)
	defer stop()
	d := &doctor{
		app: a, finder: a.Finder(), deps: a.Deps(target.Target{}), subjects: &subjects{app: a}, deep: o.Deep,
		doc: doctorDoc{Schema: terminal.Schema, Root: string(a.Config.Root()), Deep: o.Deep, Checks: []doctorRow{}},
	}
	d.checkAll(ctx)
	if err := ctx.Err(); err != nil {
		return fault.New(fault.CodeOf(context.Cause(ctx)), "interrupted after %d checks; nothing was changed", len(d.doc.Checks)).Fix("%s", a.Hint("doctor"))
	}
	show := doctorTable
	if o.JSON {
		show = func(a *app.App, doc doctorDoc) error { return a.UI.JSON(doc) }
	}
	if err := show(a, d.doc); err != nil {
		return err
	}
	if d.doc.Findings > 0 {
		return app.NotAll
	}
	return nil
}

// checkAll runs the checks in the order in which they are shown. If the root is
// unusable, it leaves out the checks that need one.
func (d *doctor) checkAll(ctx context.Context) {
	d.checkMachine()
	d.checkGPU(ctx)
	d.checkNeed(ctx)
	d.add("versions", checkOK, "", "those of the built-in profiles are of %s; modelrun profiles says how far each was checked", profile.VersionsDate())
	tool := d.checkUV(ctx)
	d.checkPython(ctx, tool)
	if d.app.Config.Root() != "" {
		d.checkDisk()
		d.checkPaths()
	}
	checkDefinitions(d)
	d.checkRoot()
	if d.app.Config.RootErr() == nil {
		d.checkLocks()
		d.checkVerdicts()
		d.checkIndex()
		d.checkEnvs(ctx)
	}
}

// add records the outcome of a check.
func (d *doctor) add(id string, state checkState, remedy, format string, args ...any) {
	if state == checkWarning || state == checkFailed {
		d.doc.Findings++
	}
	d.doc.Checks = append(d.doc.Checks, doctorRow{id, state, terminal.OneLine(fmt.Sprintf(format, args...)), remedy})
}

// addError records an error. The error's own remedy takes precedence.
func (d *doctor) addError(id string, state checkState, err error, remedy string) {
	d.add(id, state, cmp.Or(fault.RemedyOf(err), remedy), "%s", err)
}

// doctorTable prints the checks for people, within 80 columns. Only commands may be
// longer, because the user copies them.
func doctorTable(a *app.App, doc doctorDoc) error {
	out := a.UI.Page()
	fmt.Fprintf(out, "%-9s%s\n", "STATE", "CHECK")
	for _, c := range doc.Checks {
		line := terminal.Wrapped(fmt.Sprintf("%-9s%s: %s", c.State, c.ID, c.Text), 80, 9)
		fmt.Fprint(out, c.State) // a separate write, so that it gets a colour
		fmt.Fprint(out, line[len(c.State):])
		if c.Remedy != "" {
			fmt.Fprintf(out, "%9shint: %s\n", "", c.Remedy)
		}
	}
	end := "nothing was found"
	if doc.Findings > 0 {
		end = fmt.Sprintf("%d found", doc.Findings)
	}
	_, err := fmt.Fprintln(out, end)
	return err
}
