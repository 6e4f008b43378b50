package launchers

import (
	"github.com/modelrun/modelrun/shim/app"

	"fmt"
	"io"
	"path/filepath"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/shim/launcher"
	"github.com/modelrun/modelrun/shim/terminal"
)

// LauncherCheckOptions are the options of `modelrun launcher check`.
type LauncherCheckOptions struct {
	Name string `arg:"" optional:"" help:"Only this one."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// launcherCheckDoc is the document of `launcher check --json`.
type launcherCheckDoc struct {
	Schema    int                `json:"schema"`
	Findings  int                `json:"findings"`
	Launchers []launcherFindings `json:"launchers"`
}

// launcherFindings holds the findings about one launcher.
type launcherFindings struct {
	Name     string            `json:"name"`
	Findings []launcherFinding `json:"findings"`
}

// launcherFinding is one finding, with the command that fixes it.
type launcherFinding struct {
	ID     string `json:"id"` // the same in every version
	Text   string `json:"text"`
	Remedy string `json:"remedy"`
}

// check looks whether everything that the launchers name still exists. It changes
// nothing.
func (l launchers) check(o LauncherCheckOptions) error {
	names, err := l.selected(o.Name)
	if err != nil {
		return err
	}
	doc := launcherCheckDoc{Schema: terminal.Schema, Launchers: []launcherFindings{}}
	for _, name := range names {
		found := l.findings(name)
		doc.Findings += len(found.Findings)
		doc.Launchers = append(doc.Launchers, found)
	}
	if o.JSON {
		err = l.app.UI.JSON(doc)
	} else {
		err = printChecked(l.app.UI.Plain(), doc)
	}
	if err == nil && doc.Findings > 0 {
		err = app.NotAll
	}
	return err
}

// findings checks one launcher. An unusable record is a finding.
func (l launchers) findings(name string) launcherFindings {
	out := launcherFindings{Name: name, Findings: []launcherFinding{}}
	rec, err := l.records.Read(name)
	if err != nil {
		out.Findings = append(out.Findings, launcherFinding{"record", terminal.OneLine(err.Error()), fault.RemedyOf(err)})
		return out
	}
	for _, f := range rec.Check(launcherEnvironment(l.app, rec)) {
		out.Findings = append(out.Findings, launcherFinding{f.ID, terminal.OneLine(f.Text), f.Remedy})
	}
	return out
}

// launcherEnvironment returns what a check of the launcher needs to know.
func launcherEnvironment(a *app.App, rec *launcher.Record) launcher.Environment {
	return launcher.Environment{Script: launcherScript(&rec.Spec), Account: accountExists, Path: filepath.SplitList(a.Env.Get("PATH"))}
}

// printChecked prints the findings, or that there are none.
func printChecked(out io.Writer, doc launcherCheckDoc) error {
	for _, found := range doc.Launchers {
		printFindings(out, found)
	}
	if doc.Findings > 0 {
		return nil
	}
	text := "no launchers"
	if n := len(doc.Launchers); n > 0 {
		text = fmt.Sprintf("launchers checked: %d, nothing found", n)
	}
	_, err := fmt.Fprintf(out, "%s\n", text)
	return err
}

// printFindings prints the findings about one launcher.
func printFindings(out io.Writer, found launcherFindings) {
	for _, f := range found.Findings {
		fmt.Fprintf(out, "%s: %s\n", terminal.OneLine(found.Name), f.Text)
		if f.Remedy != "" {
			fmt.Fprintf(out, "  to mend it: %s\n", f.Remedy)
		}
	}
}
