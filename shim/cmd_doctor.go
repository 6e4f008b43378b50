package shim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/hardware"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/store"
	"github.com/modelrun/modelrun/resolve/uv"
)

// finding is the outcome of one check. Only warning and failed are findings: an
// env that was not probed yet is no fault.
type finding string

const (
	fine    finding = "ok"
	warning finding = "warning"
	failed  finding = "failed"
	unclear finding = "unknown"
)

// doctorDoc is `doctor --json`.
type doctorDoc struct {
	Schema   int         `json:"schema"`
	Root     string      `json:"root"`
	Deep     bool        `json:"deep"`
	Findings int         `json:"findings"` // warnings and failures
	Checks   []doctorRow `json:"checks"`
}

type doctorRow struct {
	ID     string  `json:"id"` // stable
	State  finding `json:"state"`
	Text   string  `json:"text"`
	Remedy string  `json:"remedy"` // a command; "" nothing is to be done
}

// doctor looks at everything that a launch depends on. It contacts no network,
// changes nothing, but for a file with which it tries locks, and runs nothing of
// a root, but for uv's and Python's there, and with --deep the envs' python.
type doctor struct {
	*session
	ctx  context.Context
	deps *resolve.Deps
	doc  doctorDoc

	want target // of what a launch here would make an env for
	plan profile.Plan
	bad  error // why there is no plan
}

func (s *session) doctor(ctx context.Context) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	d := &doctor{session: s, ctx: ctx, deps: s.deps(), doc: doctorDoc{Schema: schema, Root: string(s.root), Deep: s.cli.Doctor.Deep, Checks: []doctorRow{}}}
	d.machineCheck()
	d.gpu()
	d.wanted()
	tool := d.uvCheck()
	d.python(tool)
	if s.root != "" {
		d.disk()
		d.paths()
	}
	d.rootCheck()
	if s.rootErr == nil {
		d.locks()
		d.stateCheck()
		d.index()
		d.envs()
	}
	if err := ctx.Err(); err != nil {
		return fault.New(fault.CodeOf(context.Cause(ctx)), "interrupted after %d checks; nothing was changed", len(d.doc.Checks)).Fix("%s", s.again("doctor"))
	}
	if d.doc.Findings > 0 {
		s.exit = exitNo
	}
	if s.cli.Doctor.JSON {
		return printJSON(s.inv.Stdout, d.doc)
	}
	return d.table()
}

func (d *doctor) say(id string, state finding, remedy, format string, args ...any) {
	if state == warning || state == failed {
		d.doc.Findings++
	}
	d.doc.Checks = append(d.doc.Checks, doctorRow{id, state, oneLine(fmt.Sprintf(format, args...)), remedy})
}

// fail says an error, with the remedy that it has itself.
func (d *doctor) fail(id string, state finding, err error, remedy string) {
	d.say(id, state, cmp.Or(fault.RemedyOf(err), remedy), "%s", err)
}

// oneLine is text without what would end or recolour a line of the table: a
// file's name may hold anything.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}

func (d *doctor) machineCheck() {
	id := d.identity
	text := strings.TrimSpace(fmt.Sprintf("%s %s %s", cmp.Or(id.OS, runtime.GOOS), cmp.Or(id.Arch, runtime.GOARCH), id.Libc))
	d.say("machine", fine, "", "%s; modelrun %s; verdicts are kept under the name %s", text, d.inv.Version, id.ID())
}

// gpu asks the driver anew: what was cached is what a broken driver hides behind.
func (d *doctor) gpu() {
	m, err := hardware.Detect(d.ctx, d.identity, d.hardwareEnv)
	if err != nil {
		d.fail("gpu", unclear, err, "nvidia-smi")
		return
	}
	d.hardware = &m
	text := m.String()
	if !m.HasGPU() && d.identity.Visible != "" {
		text += " (" + strings.TrimSuffix(d.identity.Visible, ";") + ")"
	}
	if m.Problem != "" {
		d.say("gpu", failed, "nvidia-smi", "%s", text)
		return
	}
	if !m.HasGPU() {
		if d.set.yes(sRequireGPU) {
			d.say("gpu", failed, "nvidia-smi", "--require-gpu, and %s", text)
			return
		}
		d.say("gpu", fine, "", "%s: models run on the CPU", text)
		return
	}
	family, _ := profile.FamilyNamed(profile.DefaultFamily)
	c, err := d.choose(d.ctx, profile.Want{Name: d.set.get(sProfile), Family: family})
	switch {
	case err != nil:
		d.fail("gpu", failed, err, d.again("explain"))
	case c.Warning != "":
		d.say("gpu", warning, d.again("explain"), "%s; %s", text, c.Warning)
	default:
		d.say("gpu", fine, "", "%s; profile %s serves it", text, c.Profile.Name)
	}
}

// wanted is what a launch here would make an env for.
func (d *doctor) wanted() {
	if d.want, d.bad = d.target(d.ctx); d.bad == nil {
		d.plan, d.bad = d.session.plan(d.ctx, d.want)
	}
	if d.bad != nil {
		d.fail("need", failed, d.bad, d.again("explain"))
	}
}

// toolLimit is how long uv may take to say something.
const toolLimit = time.Minute

func (d *doctor) uvCheck() *uv.UV {
	ctx, cancel := context.WithTimeout(d.ctx, toolLimit)
	defer cancel()
	c := d.uvConfig(io.Discard, nil)
	if d.rootErr != nil {
		c.Root = "" // nothing of it is run
	}
	tool, err := uv.Look(ctx, c)
	switch {
	case err != nil && d.set.isSet(sUV):
		d.fail("uv", failed, err, "")
	case err != nil:
		d.fail("uv", warning, err, "")
	case tool.Untested() != "":
		d.say("uv", warning, d.otherUV(), "%s (%s): %s", tool.Path, d.sourceOf(tool), tool.Untested())
	default:
		d.say("uv", fine, "", "%s %s (%s)", tool.Path, tool.Version, d.sourceOf(tool))
	}
	return tool
}

// uvFile is the config file that names uv; "" none does.
func (d *doctor) uvFile() string {
	if from := d.set.one[sUV].from; d.set.isSet(sUV) && !strings.HasPrefix(from, "variable ") {
		return from
	}
	return ""
}

func (d *doctor) sourceOf(tool *uv.UV) string { return cmp.Or(d.uvFile(), tool.Source) }

// otherUV is how to be rid of a uv of an untested version.
func (d *doctor) otherUV() string {
	switch file := d.uvFile(); {
	case file != "":
		return "remove uv from " + fault.Quote(file)
	case d.set.isSet(sUV):
		return "unset MODELRUN_UV"
	}
	return "export MODELRUN_UV=/path/to/uv   # one of a version that is known to work"
}

func (d *doctor) python(tool *uv.UV) {
	if tool == nil || d.bad != nil {
		d.say("python", unclear, "", "not looked for: %s", cmp.Or(map[bool]string{true: "there is no uv to ask"}[tool == nil], "it is not known for what"))
		return
	}
	if err := cmp.Or(d.rootErr, d.trusts(d.root.Pythons())); err != nil {
		d.fail("python", unclear, err, "")
		return
	}
	ctx, cancel := context.WithTimeout(d.ctx, toolLimit)
	defer cancel()
	path, err := tool.Python(ctx, d.plan)
	switch {
	case err == nil:
		d.say("python", fine, "", "%s, for %s", path, d.want.key)
	case fault.CodeOf(err) == fault.NoPython && !d.set.yes(sOffline):
		d.say("python", warning, fault.RemedyOf(err), "%s; the first creation downloads it", err)
	default: // its own remedy speaks of a creation
		d.say("python", failed, fault.Quote(tool.Path)+" python find", "%s", err)
	}
}

// Less free space than this is worth a word: a CUDA stack takes 6 to 8 GB, and
// below the second not even a verdict may be kept.
const (
	littleSpace = 10e9
	noSpace     = 100e6
)

func (d *doctor) disk() {
	free, err := fsys.FreeBytes(d.root.Envs())
	text := resolve.Bytes(int64(min(free, 1<<62))) + " free" //nolint:gosec // it fits
	switch {
	case err != nil:
		d.fail("disk", unclear, err, "")
	case free < noSpace:
		d.say("disk", failed, d.again("prune"), "%s: nothing can be created", text)
	case free < littleSpace:
		d.say("disk", warning, d.again("prune"), "%s; an environment with CUDA takes 6 to 8 GB", text)
	default:
		d.say("disk", fine, "", "%s", text)
	}
}

func (d *doctor) paths() {
	if err := resolve.Depth(d.root, cmp.Or(d.want.key, "torch-cpu-transformers"), d.bad != nil || d.plan.HasTorch()); err != nil {
		d.fail("paths", failed, err, "")
		return
	}
	if d.rootErr != nil {
		d.say("paths", fine, "", "the names in the root will not be too long")
		return
	}
	_, length := fsys.LongestName(d.root.Envs())
	d.say("paths", fine, "", "the longest name in the root has %d characters, the root %d", length, utf8.RuneCountInString(string(d.root)))
}

func (d *doctor) rootCheck() {
	switch {
	case d.rootErr != nil:
		d.fail("root", failed, d.rootErr, "")
	case !exists(string(d.root)):
		d.say("root", fine, "", "%s (%s) is not there yet", d.root, d.rootFrom)
	case !fsys.CanWrite(d.root.Envs()):
		d.say("root", fine, "", "%s (%s)%s; read-only for you: its environments are used, none can be made", d.root, d.rootFrom, owned(d.root))
	default:
		d.say("root", fine, "", "%s (%s)%s", d.root, d.rootFrom, owned(d.root))
	}
	for _, line := range d.set.ignored {
		d.say("root", warning, d.again("config"), "%s", line)
	}
}

func owned(r envdir.Root) string {
	if owner := fsys.OwnerOf(string(r)); owner != "" {
		return ", owner " + owner
	}
	return ""
}

// locks tries them where they are needed, with one file that is removed.
func (d *doctor) locks() {
	dir := ""
	for _, candidate := range []string{d.root.Locks(), d.root.Envs(), string(d.root)} {
		if exists(candidate) {
			dir = candidate
			break
		}
	}
	if dir == "" {
		d.say("locks", unclear, "", "not tried: the root is not there yet")
		return
	}
	switch err := store.Locks(dir); {
	case err == nil:
		d.say("locks", fine, "", "they work in %s", dir)
	case fsys.Fault(err).Code == fault.BadRoot: // something else lies there, and nothing can be created
		d.fail("locks", failed, fsys.Fault(err), "")
	case errors.Is(err, store.ErrNoLocks):
		d.say("locks", warning, "modelrun --root DIR …", "%s: %v; two who create at once are slow, not wrong. Use a root on another disk", dir, err)
	default:
		d.say("locks", unclear, "", "not tried: %v", err)
	}
}

func (d *doctor) stateCheck() {
	home := stateHome(d.env)
	switch mine := d.root.State(d.identity.ID()); {
	case fsys.CanWrite(mine):
		d.say("state", fine, "", "verdicts are kept in %s", mine)
	case home != "" && fsys.CanWrite(home):
		d.say("state", fine, "", "verdicts are kept in %s", home)
	default:
		d.say("state", warning, "export XDG_STATE_HOME=DIR   # a folder that you can write",
			"neither %s nor your own state folder can be written: every start checks anew", mine)
	}
}

// index says where packages come from. Nobody is asked.
func (d *doctor) index() {
	from := func(i id) string { return " (" + d.set.one[i].from + ")" }
	c := d.uvConfig(io.Discard, nil)
	text := "packages from " + cmp.Or(c.Index(), "PyPI")
	if d.set.isSet(sIndexDefault) {
		text += from(sIndexDefault)
	}
	text += "; torch from " + cmp.Or(d.set.get(sIndexTorch), "where its profile says")
	if d.set.isSet(sIndexTorch) {
		text += from(sIndexTorch)
	}
	for _, l := range d.set.list(sFindLinks) {
		if !strings.Contains(l, "://") && !exists(l) {
			d.say("index", warning, fault.Shell("mkdir -p ", "mkdir ", l), "index.find_links%s: %s is not there", from(sFindLinks), l)
			return
		}
	}
	if links := c.Wheels(); len(links) > 0 {
		text += "; wheels in " + strings.Join(links, ", ")
		if d.set.isSet(sFindLinks) {
			text += from(sFindLinks)
		}
	}
	if d.set.yes(sOffline) {
		text += "; --offline: from none of them"
	}
	d.say("index", fine, "", "%s", text)
}

func (d *doctor) envs() {
	dirs, err := d.deps.Store.Envs()
	if err != nil {
		d.fail("envs", failed, err, fault.Shell("ls -ld ", "icacls ", d.root.Envs()))
	}
	for _, dir := range dirs {
		if d.ctx.Err() != nil {
			return
		}
		d.envCheck(dir)
	}
}

// envCheck is the static look, every file's size, and with --deep the probe.
func (d *doctor) envCheck(dir envdir.Dir) {
	id := map[envdir.Kind]string{envdir.Shared: "env:", envdir.Next: "next:", envdir.Old: "old:"}[dir.Kind] + dir.Name
	rebuild := d.again("ensure --rebuild --env " + dir.Name)
	if dir.Kind == envdir.Old {
		rebuild = d.again("migrate " + dir.Name)
	}
	if err := d.deps.Trusted(dir); err != nil {
		d.fail(id, failed, err, "")
		return
	}
	sub := d.subject(dir)
	v, err := d.deps.Check.Look(sub)
	if err != nil {
		d.fail(id, failed, err, "")
		return
	}
	if v.State == health.Broken {
		d.say(id, failed, rebuild, "%s", v.Reason)
		return
	}
	if err := health.Audit(dir); err != nil {
		d.say(id, failed, cmp.Or(map[bool]string{true: rebuild}[fault.CodeOf(err) == fault.Verify], fault.RemedyOf(err)), "%s", err)
		return
	}
	how := "not probed on this machine yet"
	if d.cli.Doctor.Deep {
		if v, err = d.deps.Check.Probe(d.ctx, sub); err != nil {
			d.fail(id, unclear, err, "")
			return
		}
		how = "it imports what it is for"
	} else if v.Code != health.CodeUnverified {
		how = "it imported what it is for"
	}
	const whole = "every file has its size"
	switch {
	case v.State == health.Broken:
		d.say(id, failed, rebuild, "%s", v.Reason)
	case v.Code == health.CodeUnverified:
		d.say(id, unclear, d.again("doctor --deep"), "%s; %s", whole, how)
	case v.State == health.Unknown:
		d.say(id, unclear, d.again("doctor --deep"), "%s; not known to work: %s", whole, v.Reason)
	case len(v.Warnings) > 0:
		d.say(id, warning, rebuild, "%s; %s; %s", whole, how, strings.Join(v.Warnings, "; "))
	default:
		d.say(id, fine, "", "%s; %s", whole, how)
	}
}

// table is 80 columns wide, but for commands, which are pasted.
func (d *doctor) table() error {
	out := d.page()
	fmt.Fprintf(out, "%-9s%s\n", "STATE", "CHECK")
	for _, c := range d.doc.Checks {
		line := wrapped(fmt.Sprintf("%-9s%s: %s", c.State, c.ID, c.Text), 80, 9)
		fmt.Fprint(out, c.State) // a cell of its own, to be coloured
		fmt.Fprint(out, line[len(c.State):])
		if c.Remedy != "" {
			fmt.Fprintf(out, "%9shint: %s\n", "", c.Remedy)
		}
	}
	_, err := fmt.Fprintln(out, map[bool]string{true: "nothing was found", false: fmt.Sprintf("%d found", d.doc.Findings)}[d.doc.Findings == 0])
	return err
}

// wrapped breaks a line at spaces; the lines after the first are indented.
func wrapped(text string, width, indent int) string {
	var out strings.Builder
	column := 0
	for i, word := range strings.Split(text, " ") {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case word != "" && column+1+n > width && column > indent:
			out.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			out.WriteByte(' ')
			column++
		}
		out.WriteString(word)
		column += n
	}
	return out.String() + "\n"
}
