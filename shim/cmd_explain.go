package shim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/fault"
)

// explainDoc is `explain --json`: the decision record.
type explainDoc struct {
	Schema   int       `json:"schema"`
	Key      string    `json:"key"`
	Family   string    `json:"family"`
	Accel    string    `json:"accel"`
	Model    string    `json:"model"`
	Root     string    `json:"root"`
	RootFrom string    `json:"root_from"`
	Machine  string    `json:"machine"`
	Profile  string    `json:"profile"`
	Usable   bool      `json:"usable"`
	Python   string    `json:"python"`
	Chain    []turnDoc `json:"chain"`
}

type turnDoc struct {
	Strategy   string          `json:"strategy"`
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
	pol.Policy.Dry = true
	res, trace, err := resolve.Default(s.deps()).Resolve(ctx, &pol)
	var none *resolve.NoEnv
	if err != nil && !errors.As(err, &none) && len(trace) == 0 {
		return err
	}
	doc := explainDoc{
		Schema: schema, Key: string(req.Key), Family: s.wanted.family.Name, Accel: req.Accel, Model: s.wanted.model.Name,
		Root: string(s.root), RootFrom: s.rootFrom, Usable: res != nil,
	}
	if m, err := s.machine(ctx); err == nil {
		doc.Machine = m.String()
	}
	if plan, err := req.Plan(ctx); err == nil {
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
		doc.Chain = append(doc.Chain, turnDoc{t.Strategy, t.Outcome, code, t.Reason, t.Remedy, t.Took.Microseconds()})
	}
	if s.cli.Explain.JSON {
		return printJSON(s.inv.Stdout, doc)
	}
	return s.explainTable(doc)
}

func (s *session) explainTable(doc explainDoc) error {
	w := tabwriter.NewWriter(s.page(), 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{
		{"key", doc.Key}, {"model", cmp.Or(doc.Model, "none")}, {"machine", doc.Machine}, {"profile", cmp.Or(doc.Profile, "none")},
		{"root", doc.Root + " (" + doc.RootFrom + ")"},
	} {
		fmt.Fprintf(w, "%s\t%s\n", row[0], row[1])
	}
	fmt.Fprintf(w, "\nSTRATEGY\tOUTCOME\tTIME\tREASON\n")
	for _, t := range doc.Chain {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", t.Strategy, t.Outcome, (time.Duration(t.Micros) * time.Microsecond).String(), t.Reason)
		if t.Remedy != "" {
			fmt.Fprintf(w, "\t\t\t  hint: %s\n", t.Remedy)
		}
	}
	if doc.Usable {
		fmt.Fprintf(w, "\npython\t%s\n", doc.Python)
	} else {
		fmt.Fprintf(w, "\npython\tnone is usable now\n")
	}
	return w.Flush()
}
