package command

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/requirement"
	"github.com/modelrun/modelrun/resolve/store"
	"github.com/modelrun/modelrun/resolve/usage"
	"github.com/modelrun/modelrun/shim/app"
	"github.com/modelrun/modelrun/shim/cli"
	"github.com/modelrun/modelrun/shim/target"
	"github.com/modelrun/modelrun/shim/terminal"
)

// ListOptions are the options of `modelrun list`.
type ListOptions struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// listCommand declares `modelrun list`.
func listCommand() app.Command {
	var o ListOptions
	return app.Command{
		Sub: cli.Sub{
			Name: "list",
			Help: "List the environments of the root.",
			Examples: `It runs nothing and changes nothing.

  modelrun list --root /srv/llm`,
			Options: &o,
		},
		ReadOnly: true,
		Run:      func(ctx context.Context, a *app.App) error { return List(ctx, a, o) },
	}
}

// listDoc is the document of `list --json`. docs/json.md describes every field.
type listDoc struct {
	Schema int       `json:"schema"`
	Root   string    `json:"root"`
	Envs   []listEnv `json:"envs"`
	Total  int64     `json:"total"`
	Cache  int64     `json:"cache"`
}

// listEnv is one environment of a [listDoc].
type listEnv struct {
	Key    string      `json:"key"`
	Kind   envdir.Kind `json:"kind"`
	State  string      `json:"state"`
	Code   string      `json:"reason_code"`
	Reason string      `json:"reason"`
	listDrift
	Size      int64      `json:"size"`
	SizeAlone int64      `json:"size_alone"`
	Models    []string   `json:"models"`
	PIDs      []int      `json:"pids"`
	LastUsed  string     `json:"last_used"`
	Path      string     `json:"path"`
	Built     *listBuilt `json:"built"`
}

// listDrift describes how an environment differs from what it was made as, and from
// what would be made now.
type listDrift struct {
	Changed bool     `json:"changed"`
	Changes []string `json:"by_hand,omitempty"` // see [health.Drift]
	With    []string `json:"with,omitempty"`
	Drift   string   `json:"drift,omitempty"` // see [subjects.changed]
}

// listBuilt describes how an environment was built.
type listBuilt struct {
	Created  string            `json:"created"`
	Profile  string            `json:"profile"`
	Own      string            `json:"own"`
	Python   string            `json:"python"`
	Packages int               `json:"packages"`
	Dists    map[string]string `json:"dists"`
	UV       string            `json:"uv"`
	Modelrun string            `json:"modelrun"`
}

// List shows the environments of the root. It changes nothing and runs nothing.
func List(ctx context.Context, a *app.App, o ListOptions) error {
	root := a.Config.Root()
	have := store.Catalogue{Root: root}
	dirs, err := have.Envs()
	if err != nil {
		return err
	}
	doc := listDoc{Schema: terminal.Schema, Root: string(root), Envs: []listEnv{}}
	check, users, subs := a.Deps(target.Target{}).Check, store.UsersOf(dirs...), &subjects{app: a}
	places := []usage.Place{{Path: root.Cache()}}
	for i, d := range dirs {
		v, err := check.Look(subs.of(ctx, d))
		if err != nil {
			v = health.Verdict{Reason: err.Error()}
		}
		e, size := listEntry(have, d, v)
		e.Drift, _ = subs.changed(ctx, d)
		for _, p := range users[i] {
			e.PIDs = append(e.PIDs, p.PID)
		}
		doc.Envs = append(doc.Envs, e)
		places = append(places, usage.Place{Path: d.Path, Sealed: size})
	}
	used, total := usage.Used(places)
	doc.Cache, doc.Total = used[0].Bytes, total
	for i := range doc.Envs {
		doc.Envs[i].Size, doc.Envs[i].SizeAlone = used[i+1].Bytes, used[i+1].Alone
	}
	if o.JSON {
		return a.UI.JSON(doc)
	}
	return listTable(a, doc)
}

// listEntry returns what is known about one environment, except its users and its
// size. size is the size in its seal, or nil if that size may be out of date.
func listEntry(have store.Catalogue, d envdir.Dir, v health.Verdict) (e listEnv, size *usage.Sizes) {
	e = listEnv{
		Key: d.Name, Kind: d.Kind, State: v.State.String(), Code: string(v.Code), Reason: v.Reason, Path: d.Path,
		Models: have.Models(d), PIDs: []int{},
	}
	drift := health.DriftOf(d)
	e.Changed, e.Changes, e.With = drift.Changed, drift.Changes, drift.With
	if t := have.LastUsed(d); !t.IsZero() {
		e.LastUsed = t.UTC().Format(time.RFC3339)
	}
	seal, ok, err := health.ReadSeal(d)
	if err != nil || !ok || d.Kind == envdir.Old {
		return e, nil
	}
	e.Built = &listBuilt{
		Created: seal.Created.UTC().Format(time.RFC3339), Profile: seal.Profile, Own: seal.Own, Python: seal.Python.Version,
		Packages: seal.Packages, Dists: seal.Dists, UV: seal.UV, Modelrun: seal.Modelrun,
	}
	if !e.Changed && v.State != health.Broken && seal.Size.Sane() {
		size = seal.Size
	}
	return e, size
}

// listTable prints the environments for people, within 80 columns: one row each,
// and below it the details that do not fit into the row.
func listTable(a *app.App, doc listDoc) error {
	out, root := a.UI.Page(), a.Config.Root()
	if len(doc.Envs) == 0 {
		_, err := fmt.Fprintf(out, "no environments in %s (%s)\n", root, a.Config.RootFrom())
		return err
	}
	var t terminal.Table
	t.Row("KEY", "KIND", "STATE", "SIZE", "ALONE", "IN USE", "LAST USED")
	for _, e := range doc.Envs {
		used, _, _ := strings.Cut(cmp.Or(e.LastUsed, "never"), "T")
		t.Row(e.Key, string(e.Kind), e.State, resolve.Bytes(e.Size), resolve.Bytes(e.SizeAlone), strconv.Itoa(len(e.PIDs)), used)
		t.Below(e.details())
	}
	if err := t.Write(out); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%s on disk in all, each file counted once; uv's cache holds %s of it\nALONE: what comes free when only that one goes\n",
		resolve.Bytes(doc.Total), resolve.Bytes(doc.Cache))
	if old, _ := os.ReadDir(root.OldEnvs()); len(old) > 0 { // an error means that there are none, or that this account may not read them
		fmt.Fprintf(out, "not counted: %d replaced or migrated in .envs/.old: %s\n", len(old), a.Hint("prune"))
	}
	return nil
}

// details returns the lines below an environment's row.
func (e listEnv) details() (out string) {
	line := func(format string, args ...any) {
		out += "    " + terminal.OneLine(fmt.Sprintf(format, args...)) + "\n"
	}
	if e.State != health.Healthy.String() && e.Reason != "" {
		line("%s", e.Reason)
	}
	if len(e.With) > 0 {
		line("with: %s", strings.Join(requirement.Brief(e.With), ", "))
	}
	if e.Changed {
		line("by hand: %s", cmp.Or(strings.Join(e.Changes, ", "), "packages were changed since it was made"))
	}
	if e.Drift != "" {
		line("%s", e.Drift)
	}
	if len(e.Models) > 0 {
		line("models: %s", strings.Join(e.Models, ", "))
	}
	if len(e.PIDs) > 0 {
		var pids []string
		for _, pid := range e.PIDs {
			pids = append(pids, strconv.Itoa(pid))
		}
		line("in use by pid %s", strings.Join(pids, ", "))
	}
	if b := e.Built; b != nil {
		line("%s", b.summary(envdir.Key(e.Key)))
	}
	return out
}

// summary names the python and the main packages of the key's family. For any other
// key it names the alphabetically first packages.
func (b listBuilt) summary(key envdir.Key) string {
	day, _, _ := strings.Cut(b.Created, "T")
	parts := []string{"python " + b.Python}
	names := slices.Sorted(maps.Keys(b.Dists))
	base, _, _ := key.Extras()
	if known, ok := profile.ParseKey(base); ok {
		names = append([]string{"torch"}, known.Family.Main...)
	}
	for _, name := range names {
		if v := b.Dists[name]; v != "" && len(parts) < 4 {
			parts = append(parts, name+" "+v)
		}
	}
	return fmt.Sprintf("built %s from %s: %s", day, cmp.Or(b.Own, "profile "+b.Profile), strings.Join(parts, ", "))
}
