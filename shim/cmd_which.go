package shim

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/fault"
)

// whichDoc is `which --json`.
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

// which prints the python that a launch would use. It creates nothing, changes
// nothing and runs nothing from the root, so an env that was never checked on
// this machine is printed as "unverified".
func (s *session) which(ctx context.Context, req *resolve.Request) error {
	pol := *req
	pol.Policy.DryRun = true
	res, trace, err := resolve.Default(s.deps()).Resolve(ctx, &pol)
	s.traced(trace)
	var none *resolve.NoEnv
	if err != nil && !errors.As(err, &none) {
		return err
	}
	doc := whichDoc{Schema: schema, Key: string(req.Key), Root: string(s.root), Model: s.wanted.model.Name}
	if err != nil {
		s.exit = exitNo
		doc.ReasonCode, doc.Reason = none.Code(), err.Error()
		for _, t := range trace {
			doc.Remedy = cmp.Or(doc.Remedy, t.Remedy)
		}
	} else {
		doc.Usable, doc.Strategy, doc.ReasonCode, doc.Reason = true, res.Strategy, resultCode(res), res.Reason
		doc.Env, doc.Python, doc.Degraded, doc.State = res.Dir.Venv(), res.Dir.Python(), res.Degraded, res.Verdict.State.String()
	}
	switch {
	case s.cli.Which.JSON:
		return printJSON(s.inv.Stdout, doc)
	case err != nil:
		s.exit = s.report(err)
		s.exit = exitNo
		return nil
	}
	_, err = fmt.Fprintln(s.inv.Stdout, doc.Python)
	return err
}
