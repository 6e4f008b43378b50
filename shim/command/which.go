package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/shim/app"
	"github.com/modelrun/modelrun/shim/cli"
	"github.com/modelrun/modelrun/shim/terminal"
)

// WhichOptions are the options of `modelrun which`.
type WhichOptions struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// whichCommand declares `modelrun which`.
func whichCommand() app.Command {
	var o WhichOptions
	return app.Command{
		Sub: cli.Sub{
			Name: "which",
			Help: "Print the python that would be used; never creates.",
			Examples: `It exits with 1 when none is usable.

  "$(modelrun which -m models/llama)" -V`,
			Options: &o,
		},
		ReadOnly: true,
		Run:      func(ctx context.Context, a *app.App) error { return Which(ctx, a, o) },
	}
}

// whichDoc is the document of `which --json`.
type whichDoc struct {
	Schema     int        `json:"schema"`
	Usable     bool       `json:"usable"`
	Key        string     `json:"key"`
	Strategy   string     `json:"strategy"`
	ReasonCode fault.Code `json:"reason_code"`
	Reason     string     `json:"reason"`
	Remedy     string     `json:"remedy,omitempty"`
	Env        string     `json:"env"`
	Python     string     `json:"python"`
	State      string     `json:"state"`
	Degraded   bool       `json:"degraded"`
	Root       string     `json:"root"`
	Model      string     `json:"model"`
}

// Which prints the python that a launch would use. It creates nothing, changes
// nothing and runs nothing from the root. So it shows an environment that was never
// checked on this machine as "unverified". It returns [app.NotAll] if no
// environment is usable.
func Which(ctx context.Context, a *app.App, o WhichOptions) error {
	t, req, err := a.Finder().Request(ctx)
	if err != nil {
		return err
	}
	dry := *req
	dry.Policy.DryRun = true
	res, attempts, err := resolve.Default(a.Deps(t)).Resolve(ctx, &dry)
	a.UI.Attempts(attempts)
	var none *resolve.NoEnv
	if err != nil && !errors.As(err, &none) {
		return err
	}
	doc := whichDoc{Schema: terminal.Schema, Key: string(req.Key), Root: string(req.Root), Model: t.Model.Name}
	if err != nil {
		doc.ReasonCode, doc.Reason = none.Code(), err.Error()
		for _, attempt := range attempts {
			doc.Remedy = cmp.Or(doc.Remedy, attempt.Remedy)
		}
	} else {
		doc.Usable, doc.Strategy, doc.ReasonCode, doc.Reason = true, res.Strategy, terminal.ResultCode(res), res.Reason
		doc.Env, doc.Python, doc.Degraded, doc.State = res.Dir.Venv(), res.Dir.Python(), res.Degraded, res.Verdict.State.String()
	}
	if !doc.Usable {
		if !o.JSON {
			a.UI.Report(err)
			return app.NotAll
		}
		return cmp.Or(a.UI.JSON(doc), error(app.NotAll))
	}
	if o.JSON {
		return a.UI.JSON(doc)
	}
	_, err = fmt.Fprintln(a.UI.Stdout, doc.Python) // not masked, because a shell reads it
	return err
}
