package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/hardware"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/need"
	"github.com/modelrun/modelrun/resolve/requirement"
	"github.com/modelrun/modelrun/shim/app"
	"github.com/modelrun/modelrun/shim/cli"
	"github.com/modelrun/modelrun/shim/target"
	"github.com/modelrun/modelrun/shim/terminal"
)

// ExplainOptions are the options of `modelrun explain`.
type ExplainOptions struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// explainCommand declares `modelrun explain`.
func explainCommand() app.Command {
	var o ExplainOptions
	return app.Command{
		Sub: cli.Sub{
			Name: "explain",
			Help: "Show the chain: what was looked at, and why.",
			Examples: `It changes nothing.

  modelrun explain -m models/llama
  modelrun explain --json --env torch-cu121-transformers`,
			Options: &o,
		},
		ReadOnly: true,
		Run:      func(ctx context.Context, a *app.App) error { return Explain(ctx, a, o) },
	}
}

// explainDoc is the document of `explain --json`: the record of the decision.
type explainDoc struct {
	Schema int    `json:"schema"`
	Key    string `json:"key"`
	explainFamily
	Accel string `json:"accel"`
	explainNeeds
	explainModel
	Root     string `json:"root"`
	RootFrom string `json:"root_from"`
	explainMachine
	Profile string       `json:"profile"`
	Usable  bool         `json:"usable"`
	Python  string       `json:"python"`
	Chain   []attemptDoc `json:"chain"`
	Launch  string       `json:"launch"`
	Next    string       `json:"next"`
}

// explainNeeds is what goes beyond the family's key in an [explainDoc].
type explainNeeds struct {
	With    []string `json:"with,omitempty"`
	GaveWay []string `json:"gave_way,omitempty"` // one line for each need that overrules pins of the profile
}

// explainFamily is the family in an [explainDoc].
type explainFamily struct {
	Family string `json:"family"`
	Line   string `json:"line_reason,omitempty"` // why this line of transformers
}

// explainModel is the model in an [explainDoc], and what its files show.
type explainModel struct {
	Model    string          `json:"model"`
	Kind     string          `json:"kind,omitempty"`
	Evidence []need.Evidence `json:"evidence,omitempty"`
	Needs    []string        `json:"needs,omitempty"` // what the kind needs beyond the family
}

// explainMachine is the hardware in an [explainDoc].
type explainMachine struct {
	Machine string   `json:"machine"`
	Hidden  []string `json:"hidden_gpus,omitempty"` // the GPUs that the program does not see, because the build has no code for them
}

// attemptDoc is the attempt of one strategy in an [explainDoc].
type attemptDoc struct {
	Strategy   string          `json:"strategy"`
	LookedAt   string          `json:"looked_at"`
	Outcome    resolve.Outcome `json:"outcome"`
	ReasonCode fault.Code      `json:"reason_code"`
	Reason     string          `json:"reason"`
	Remedy     string          `json:"remedy,omitempty"`
	Micros     int64           `json:"micros"`
}

// Explain shows how a launch would go through the chain, with the reason of every
// strategy. It runs nothing from the root and changes nothing.
func Explain(ctx context.Context, a *app.App, o ExplainOptions) error {
	finder := a.Finder()
	t, req, err := finder.Request(ctx)
	if err != nil {
		return err
	}
	dry := *req
	dry.Policy.DryRun = true
	res, attempts, err := resolve.Default(a.Deps(t)).Resolve(ctx, &dry)
	var none *resolve.NoEnv
	if err != nil && !errors.As(err, &none) && len(attempts) == 0 {
		return err
	}
	doc := explainDoc{
		Schema: terminal.Schema, Key: string(req.Key), explainFamily: explainFamily{t.Family.Name, t.Line.Why}, Accel: req.Accel,
		explainModel: explainModel{t.Model.Name, t.Model.Kind, t.Model.Evidence, requirement.Strings(t.OfModel(a.Config.Needs()))},
		Root:         string(req.Root), RootFrom: a.Config.RootFrom(), Usable: res != nil,
		explainNeeds: explainNeeds{With: req.Terms.Written(req.With)},
	}
	if m, err := a.Machine.Machine(ctx); err == nil {
		doc.Machine = m.String()
		n := m.Narrow(req.Accel, "")
		if res != nil {
			n = health.Narrowing(ctx, res.Dir, m.Identity, a.Machine.Machine)
		}
		for _, g := range n.Hidden {
			if !hardware.ByUser(a.Program) {
				doc.Hidden = append(doc.Hidden, g.String())
			}
		}
	}
	if plan, err := finder.Plan(ctx, t); err == nil {
		doc.Profile, doc.GaveWay = plan.Profile, plan.Yielded()
	}
	if res != nil {
		doc.Python = res.Dir.Python()
	}
	for _, attempt := range attempts {
		doc.Chain = append(doc.Chain, attemptDocOf(req, res, attempt))
	}
	doc.Launch, doc.Next = outlook(req, attempts, res)
	if o.JSON {
		return a.UI.JSON(doc)
	}
	return explainTable(a, doc, attempts)
}

func attemptDocOf(req *resolve.Request, res *resolve.Resolution, t resolve.Attempt) attemptDoc {
	code := t.Code
	if t.Outcome == resolve.Taken {
		code = terminal.ResultCode(res)
	}
	return attemptDoc{t.Strategy, lookedAt(req, res, t), t.Outcome, code, t.Reason, t.Remedy, t.Took.Microseconds()}
}

// lookedAt returns what a strategy has looked at.
func lookedAt(req *resolve.Request, res *resolve.Resolution, t resolve.Attempt) string {
	switch {
	case t.Outcome == resolve.Taken:
		return res.Dir.Path
	case t.Strategy == "shared":
		return req.Root.Shared(req.Key).Path
	case t.Strategy == "wait":
		return req.Root.Files(req.Key).Lock()
	case t.Strategy == "create":
		return "whether " + string(req.Key) + " can be made"
	case req.Model.ID != "":
		return req.Root.Old(req.Model.ID).Path
	}
	return "nothing: no model is named"
}

// outlook returns what a launch would do, and the command that the user would run
// next.
func outlook(req *resolve.Request, attempts []resolve.Attempt, res *resolve.Resolution) (launch, next string) {
	key := string(req.Key)
	var failed resolve.Attempt // a failed creation, which a user can fix, comes before any other failure
	for _, t := range attempts {
		switch {
		case t.DryRun && t.Strategy == "wait":
			return "would wait for the process that creates " + key + ", and use what it makes", startOf(req)
		case t.DryRun && res != nil:
			return fmt.Sprintf("would create %s, and use %s with a warning if that fails", key, res.Dir.Path), t.Remedy
		case t.DryRun:
			return "would create " + key, t.Remedy
		case t.Outcome == resolve.Stopped:
			return "would fail: " + t.Reason, t.Remedy
		case t.Strategy == "create" || failed.Reason == "" && t.Remedy != "":
			failed = t
		}
	}
	switch {
	case res == nil:
		return "would fail: " + cmp.Or(failed.Reason, "no strategy can help"), failed.Remedy
	case res.Degraded:
		return fmt.Sprintf("would use %s with a warning: it is not known to work", res.Dir.Path), cmp.Or(failed.Remedy, "modelrun doctor")
	case res.Verdict.State == health.Unknown:
		return fmt.Sprintf("would use %s if its imports pass a check first", res.Dir.Path), startOf(req)
	}
	return fmt.Sprintf("would use %s", res.Dir.Path), startOf(req)
}

// startOf returns the command line that starts a program with this request.
func startOf(req *resolve.Request) string { return target.Before(req) + "python …" }

// describeOutcome describes for people how an attempt ended.
func describeOutcome(t resolve.Attempt) string {
	switch {
	case t.DryRun:
		return "would be used"
	case t.Outcome == resolve.Taken:
		return "used"
	case t.Outcome == resolve.Stopped:
		return "stopped here"
	}
	return "passed over"
}

// explainTable prints the decision for a reader who has never seen one: the
// strategies in order, what each looked at, and what a launch would do.
func explainTable(a *app.App, doc explainDoc, attempts []resolve.Attempt) error {
	out := a.UI.Page()
	var head terminal.Table
	head.Row("key", doc.Key)
	if doc.Line != "" {
		head.Row("family", doc.Family+": "+doc.Line)
	}
	head.Row("model", cmp.Or(doc.Model, "none"))
	if doc.Kind != "" {
		var by []string
		for _, e := range doc.Evidence {
			by = append(by, e.String())
		}
		head.Row("kind", doc.Kind+", by "+strings.Join(by, " and "))
	}
	head.Row("machine", doc.Machine)
	if len(doc.Hidden) > 0 {
		head.Row("", "hidden from the program: "+strings.Join(doc.Hidden, ", "))
	}
	head.Row("profile", cmp.Or(doc.Profile, "none"))
	head.Row("root", doc.Root+" ("+doc.RootFrom+")")
	if len(doc.With) > 0 {
		head.Row("with", strings.Join(requirement.Brief(doc.With), ", "))
	}
	for _, line := range doc.GaveWay {
		head.Row("", line)
	}
	head.Below("\n")
	if err := head.Write(out); err != nil {
		return err
	}
	for i, t := range doc.Chain {
		fmt.Fprintf(out, "%d  %-11s  ", i+1, t.Strategy)
		fmt.Fprint(out, describeOutcome(attempts[i])) // a separate write, so that it gets a colour
		fmt.Fprintf(out, ", %s\n", time.Duration(t.Micros)*time.Microsecond)
		for _, row := range [][2]string{{"looked at", t.LookedAt}, {"verdict", t.Reason}, {"remedy", t.Remedy}} {
			if row[1] != "" {
				fmt.Fprintf(out, "   %-11s  %s\n", row[0], row[1])
			}
		}
	}
	python := cmp.Or(doc.Python, "none is usable now")
	next := ""
	if doc.Next != "" {
		next = "next    " + doc.Next + "\n"
	}
	_, err := fmt.Fprintf(out, "\npython  %s\nA launch %s.\n%s", python, doc.Launch, next)
	return err
}
