package shim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// explainDoc is `explain --json`: the decision record.
type explainDoc struct {
	Schema   int       `json:"schema"`
	Key      string    `json:"key"`
	Family   string    `json:"family"`
	Accel    string    `json:"accel"`
	With     []string  `json:"with,omitempty"` // needs beyond the key of the family
	Model    string    `json:"model"`
	Root     string    `json:"root"`
	RootFrom string    `json:"root_from"`
	Machine  string    `json:"machine"`
	Profile  string    `json:"profile"`
	Usable   bool      `json:"usable"`
	Python   string    `json:"python"`
	Chain    []turnDoc `json:"chain"`
	Launch   string    `json:"launch"`
	Next     string    `json:"next"`
}

type turnDoc struct {
	Strategy   string          `json:"strategy"`
	LookedAt   string          `json:"looked_at"`
	Outcome    resolve.Outcome `json:"outcome"`
	ReasonCode fault.Code      `json:"reason_code"`
	Reason     string          `json:"reason"`
	Remedy     string          `json:"remedy,omitempty"`
	Micros     int64           `json:"micros"`
}

// explain shows the chain as a launch would walk it, with every strategy's
// reason. It looks only.
func (s *session) explain(ctx context.Context, req *resolve.Request) error {
	pol := *req
	pol.Policy.DryRun = true
	res, trace, err := resolve.Default(s.deps()).Resolve(ctx, &pol)
	var none *resolve.NoEnv
	if err != nil && !errors.As(err, &none) && len(trace) == 0 {
		return err
	}
	doc := explainDoc{
		Schema: schema, Key: string(req.Key), Family: s.wanted.family.Name, Accel: req.Accel, Model: s.wanted.model.Name,
		Root: string(s.root), RootFrom: s.rootFrom, Usable: res != nil, With: requirement.Strings(req.With),
	}
	if m, err := s.machine(ctx); err == nil {
		doc.Machine = m.String()
	}
	if plan, err := (caller{s: s}).Plan(ctx, req); err == nil {
		doc.Profile = plan.Profile
	}
	if res != nil {
		doc.Python = res.Dir.Python()
	}
	for _, t := range trace {
		code := t.Code
		if t.Outcome == resolve.Taken {
			code = resultCode(res)
		}
		doc.Chain = append(doc.Chain, turnDoc{t.Strategy, lookedAt(req, res, t), t.Outcome, code, t.Reason, t.Remedy, t.Took.Microseconds()})
	}
	doc.Launch, doc.Next = outlook(req, trace, res)
	if s.cli.Explain.JSON {
		return printJSON(s.inv.Stdout, doc)
	}
	return s.explainTable(doc, trace)
}

// lookedAt is what a strategy asked about.
func lookedAt(req *resolve.Request, res *resolve.Resolution, t resolve.Attempt) string {
	switch {
	case t.Outcome == resolve.Taken:
		return res.Dir.Path
	case t.Strategy == "shared":
		return req.Root.Shared(req.Key).Path
	case t.Strategy == "wait":
		return req.Root.Lock(req.Key)
	case t.Strategy == "create":
		return "whether " + string(req.Key) + " can be made"
	case req.Old != "":
		return req.Root.Old(req.Old).Path
	}
	return "nothing: no model is named"
}

// outlook is what a launch would do, and the command that a person would run
// next.
func outlook(req *resolve.Request, trace []resolve.Attempt, res *resolve.Resolution) (launch, next string) {
	key := string(req.Key)
	var failed resolve.Attempt // the creation's failure is the one that a user can mend
	for _, t := range trace {
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

// startOf is the command that starts a program where this chain leads.
func startOf(req *resolve.Request) string { return before(req) + "python …" }

// before is what stands before a program that is started there.
func before(req *resolve.Request) string {
	which := " -e " + string(req.Key)
	if len(req.With) > 0 { // the env may be that of another key
		which = req.Wanted()
	}
	if req.ModelName != "" {
		which = " -m " + req.ModelName
	}
	return "modelrun" + req.RootOption + which + " -- "
}

// outcomeWord is an outcome for people.
func outcomeWord(o resolve.Outcome) string {
	switch o {
	case resolve.Taken:
		return "used"
	case resolve.Stopped:
		return "stopped here"
	case resolve.Next:
	}
	return "passed over"
}

// explainTable is for somebody who never saw it: the steps in their order, what
// each looked at, and what a launch would come to.
func (s *session) explainTable(doc explainDoc, trace []resolve.Attempt) error {
	out := s.page()
	var head table
	head.row("key", doc.Key)
	head.row("model", cmp.Or(doc.Model, "none"))
	head.row("machine", doc.Machine)
	head.row("profile", cmp.Or(doc.Profile, "none"))
	head.row("root", doc.Root+" ("+doc.RootFrom+")")
	if len(doc.With) > 0 {
		head.row("with", strings.Join(doc.With, ", "))
	}
	head.below("\n")
	if err := head.write(out); err != nil {
		return err
	}
	for i, t := range doc.Chain {
		fmt.Fprintf(out, "%d  %-11s  ", i+1, t.Strategy)
		word := outcomeWord(t.Outcome)
		if trace[i].DryRun {
			word = "would be used"
		}
		fmt.Fprint(out, word) // on its own, for its colour
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
