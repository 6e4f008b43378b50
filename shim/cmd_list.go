package shim

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/store"
)

// listDoc is `list --json`.
type listDoc struct {
	Schema int       `json:"schema"`
	Root   string    `json:"root"`
	Envs   []listEnv `json:"envs"`
}

type listEnv struct {
	Key      string      `json:"key"` // the id, for an old env
	Kind     envdir.Kind `json:"kind"`
	State    string      `json:"state"`
	Code     string      `json:"reason_code"`
	Reason   string      `json:"reason"`
	Changed  bool        `json:"changed"` // packages were changed since it was made
	Size     int64       `json:"size"`    // bytes; a file with several links counts once
	Models   []string    `json:"models"`
	PIDs     []int       `json:"pids"`
	LastUsed string      `json:"last_used"` // RFC 3339, to a day; "" never
	Path     string      `json:"path"`
}

// list shows the environments of the root. It changes nothing and runs nothing.
func (s *session) list() error {
	st := &store.Store{Root: s.root}
	dirs, err := st.Envs()
	if err != nil {
		return err
	}
	check := s.deps().Check
	doc := listDoc{Schema: schema, Root: string(s.root), Envs: []listEnv{}}
	for _, d := range dirs {
		v, err := check.Look(s.subject(d))
		if err != nil {
			v = health.Verdict{Reason: err.Error()}
		}
		e := listEnv{
			Key: d.Name, Kind: d.Kind, State: v.State.String(), Code: string(v.Code), Reason: v.Reason, Changed: health.Changed(d), Path: d.Path,
			Models: st.Models(d), Size: store.Size(d.Path), PIDs: []int{},
		}
		for _, p := range st.Users(d) {
			e.PIDs = append(e.PIDs, p.PID)
		}
		if t := st.LastUsed(d); !t.IsZero() {
			e.LastUsed = t.UTC().Format(time.RFC3339)
		}
		doc.Envs = append(doc.Envs, e)
	}
	if s.cli.List.JSON {
		return printJSON(s.inv.Stdout, doc)
	}
	if len(doc.Envs) == 0 {
		_, err := fmt.Fprintf(s.inv.Stdout, "no environments in %s (%s)\n", s.root, s.rootFrom)
		return err
	}
	w := tabwriter.NewWriter(s.page(), 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "KEY\tKIND\tSTATE\tSIZE\tIN USE\tLAST USED\tMODELS\n")
	for _, e := range doc.Envs {
		used, _, _ := strings.Cut(cmp.Or(e.LastUsed, "never"), "T")
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n", e.Key, e.Kind, e.State, resolve.Bytes(e.Size), len(e.PIDs), used, cmp.Or(strings.Join(e.Models, ", "), "-"))
		if e.State != health.Healthy.String() && e.Reason != "" {
			fmt.Fprintf(w, "\t\t  %s\n", e.Reason)
		}
		if e.Changed {
			fmt.Fprintf(w, "\t\t  packages were changed by hand since it was made\n")
		}
	}
	return w.Flush()
}

// subject is what an env is asked for when nobody wants it for a model: what its
// key says.
func (s *session) subject(d envdir.Dir) health.Subject {
	sub := health.Subject{Dir: d}
	if own, ok := s.set.envs[d.Name]; ok && d.Kind != envdir.Old {
		sub.Imports = profile.OwnPlan(envdir.Key(d.Name), own.profile()).Shared
		return sub
	}
	parts, ok := profile.ParseKey(envdir.Key(d.Name))
	if d.Kind == envdir.Old || !ok {
		if f, ok := profile.FamilyNamed(profile.DefaultFamily); ok && d.Kind == envdir.Old {
			sub.Imports = f.Old
		}
		return sub
	}
	sub.Imports, sub.Accel = parts.Family.Needs(parts.Bnb), parts.Accel
	if m, err := s.machine(context.Background()); err == nil && parts.Family.GPU {
		sub.CUDA = m.HasGPU() && parts.Accel != "cpu"
	}
	return sub
}
