package shim

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
	"github.com/modelrun/modelrun/resolve/store"
	"github.com/modelrun/modelrun/resolve/usage"
)

// listDoc is `list --json`; docs/json.md has every field.
type listDoc struct {
	Schema int       `json:"schema"`
	Root   string    `json:"root"`
	Envs   []listEnv `json:"envs"`
	Total  int64     `json:"total"`
	Cache  int64     `json:"cache"`
}

type listEnv struct {
	Key       string      `json:"key"`
	Kind      envdir.Kind `json:"kind"`
	State     string      `json:"state"`
	Code      string      `json:"reason_code"`
	Reason    string      `json:"reason"`
	Changed   bool        `json:"changed"`
	ByHand    []string    `json:"by_hand,omitempty"` // see health.Past
	With      []string    `json:"with,omitempty"`
	Size      int64       `json:"size"`
	SizeAlone int64       `json:"size_alone"`
	Models    []string    `json:"models"`
	PIDs      []int       `json:"pids"`
	LastUsed  string      `json:"last_used"`
	Path      string      `json:"path"`
	Built     *listBuilt  `json:"built"`
}

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

// list shows the environments of the root. It changes nothing and runs nothing.
func (s *session) list() error {
	st := &store.Store{Root: s.root}
	dirs, err := st.Envs()
	if err != nil {
		return err
	}
	doc := listDoc{Schema: schema, Root: string(s.root), Envs: []listEnv{}}
	check, users := s.deps().Check, st.UsersOf(dirs...)
	places := []usage.Place{{Path: s.root.Cache()}}
	for i, d := range dirs {
		e, size := s.entry(st, check, d)
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
	if s.cli.List.JSON {
		return printJSON(s.inv.Stdout, doc)
	}
	return s.listTable(doc)
}

// entry is what is known of one env but for who uses it and its size. size is
// that of its seal, where that still holds.
func (s *session) entry(st *store.Store, check resolve.Checker, d envdir.Dir) (e listEnv, size *usage.Sizes) {
	v, err := check.Look(s.subject(d))
	if err != nil {
		v = health.Verdict{Reason: err.Error()}
	}
	e = listEnv{
		Key: d.Name, Kind: d.Kind, State: v.State.String(), Code: string(v.Code), Reason: v.Reason, Path: d.Path,
		Models: st.Models(d), PIDs: []int{},
	}
	past := health.PastOf(d)
	e.Changed, e.ByHand, e.With = past.Changed, past.ByHand, past.With
	if t := st.LastUsed(d); !t.IsZero() {
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

// listTable is for people with 80 columns: a row for each env, and below it what
// does not fit into one.
func (s *session) listTable(doc listDoc) error {
	out := s.page()
	if len(doc.Envs) == 0 {
		_, err := fmt.Fprintf(out, "no environments in %s (%s)\n", s.root, s.rootFrom)
		return err
	}
	var t table
	t.row("KEY", "KIND", "STATE", "SIZE", "ALONE", "IN USE", "LAST USED")
	for _, e := range doc.Envs {
		used, _, _ := strings.Cut(cmp.Or(e.LastUsed, "never"), "T")
		t.row(e.Key, string(e.Kind), e.State, resolve.Bytes(e.Size), resolve.Bytes(e.SizeAlone), strconv.Itoa(len(e.PIDs)), used)
		t.below(e.details())
	}
	if err := t.write(out); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%s on disk in all, each file counted once; uv's cache holds %s of it\nALONE: what comes free when only that one goes\n",
		resolve.Bytes(doc.Total), resolve.Bytes(doc.Cache))
	if old, _ := os.ReadDir(s.root.OldEnvs()); len(old) > 0 { // none, or not ours to read
		fmt.Fprintf(out, "not counted: %d replaced or migrated in .envs/.old: %s\n", len(old), s.again("prune"))
	}
	return nil
}

// details are the lines below an env's row.
func (e listEnv) details() (out string) {
	line := func(format string, args ...any) { out += "    " + oneLine(fmt.Sprintf(format, args...)) + "\n" }
	if e.State != health.Healthy.String() && e.Reason != "" {
		line("%s", e.Reason)
	}
	if len(e.With) > 0 {
		line("with: %s", strings.Join(e.With, ", "))
	}
	if e.Changed {
		line("by hand: %s", cmp.Or(strings.Join(e.ByHand, ", "), "packages were changed since it was made"))
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
		line("%s", b.line(envdir.Key(e.Key)))
	}
	return out
}

// line names what the family is for; of another key the first packages.
func (b listBuilt) line(key envdir.Key) string {
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

// subject is what an env is asked for when nobody wants it for a model: what its
// key says.
func (s *session) subject(d envdir.Dir) health.Subject {
	if d.Kind == envdir.Old {
		return s.oldSubject(d)
	}
	sub := health.Subject{Dir: d}
	key := envdir.Key(d.Name)
	own, ok := s.set.envs[d.Name]
	if !ok { // what is needed besides is no import
		key, _, _ = key.Extras()
		own, ok = s.set.envs[string(key)]
	}
	if ok {
		sub.Imports = profile.OwnPlan(key, own.profile()).Shared
		return sub
	}
	parts, ok := profile.ParseKey(key)
	if !ok {
		return sub
	}
	sub.Imports, sub.Accel = parts.Family.Needs(parts.Bnb), parts.Accel
	if m, err := s.machine(context.Background()); err == nil && parts.Family.GPU {
		sub.CUDA = m.HasGPU() && parts.Accel != "cpu"
	}
	return sub
}

// oldSubject is an old env as a start of its model would ask about it. Where
// nothing is known of the model it is one of the default family.
func (s *session) oldSubject(d envdir.Dir) health.Subject {
	sub := health.Subject{Dir: d}
	if s.oldModels == nil {
		old, _ := (&store.Store{Root: s.root}).OldEnvs() // none: none
		s.oldModels = s.models(old)
	}
	id := envdir.ID(d.Name)
	if name := s.oldModels[id]; name != "" {
		req, err := s.quiet().forModel(name, id).request(context.Background())
		if err == nil && req.Old == id {
			sub.Imports, sub.CUDA, sub.Accel, sub.ModelType = req.OldImports, req.CUDA, req.Accel, req.ModelType
			return sub
		}
	}
	if f, ok := profile.FamilyNamed(profile.DefaultFamily); ok {
		sub.Imports = f.Old
	}
	return sub
}
