package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/store"
	"github.com/modelrun/modelrun/resolve/uv"
	"github.com/modelrun/modelrun/shim/config"
)

// checkDefinitions reports each entry of [envs] from which no env can be made.
func checkDefinitions(d *doctor) {
	for _, key := range slices.Sorted(maps.Keys(d.app.Config.Envs())) {
		if _, err := d.app.Config.Definition(key, d.app.Env); err != nil {
			d.addError("definition:"+key, checkFailed, err, "")
		}
	}
}

// checkMachine reports the system that modelrun detects.
func (d *doctor) checkMachine() {
	id := d.app.Machine.Identity()
	text := strings.TrimSpace(fmt.Sprintf("%s %s %s", cmp.Or(id.OS, runtime.GOOS), cmp.Or(id.Arch, runtime.GOARCH), id.Libc))
	d.add("machine", checkOK, "", "%s; modelrun %s; verdicts are kept under the name %s", text, d.app.Inv.Version, id.ID())
}

// checkGPU asks the driver again, because a cached answer would hide a broken
// driver.
func (d *doctor) checkGPU(ctx context.Context) {
	m, err := d.app.Machine.Refresh(ctx)
	if err != nil {
		d.addError("gpu", checkUnknown, err, "nvidia-smi")
		return
	}
	text := m.String()
	if visible := d.app.Machine.Identity().Visible; !m.HasGPU() && visible != "" {
		text += " (" + strings.TrimSuffix(visible, ";") + ")"
	}
	switch {
	case m.Problem != "":
		d.add("gpu", checkFailed, "nvidia-smi", "%s", text)
		return
	case !m.HasGPU() && d.app.Config.Bool("require_gpu"):
		d.add("gpu", checkFailed, "nvidia-smi", "--require-gpu, and %s", text)
		return
	case !m.HasGPU():
		d.add("gpu", checkOK, "", "%s: models run on the CPU", text)
		return
	}
	family, _ := profile.FamilyNamed(profile.DefaultFamily)
	c, err := d.finder.Choose(ctx, profile.Want{Name: d.app.Config.String("profile"), Family: family, Lines: true})
	switch {
	case err != nil:
		d.addError("gpu", checkFailed, err, d.app.Hint("explain"))
	case c.Warning != "":
		d.add("gpu", checkWarning, d.app.Hint("explain"), "%s; %s", text, c.Warning)
	default:
		if w := m.Narrow(c.Profile.Accel, c.Profile.Torch(c.Family)).Warning(d.app.Program); w != "" {
			text += "; " + w
		}
		d.add("gpu", checkOK, "", "%s; profile %s serves it", text, c.Profile.Name)
	}
}

// checkNeed finds what a launch here would make an environment for. It records only
// errors, not a check of its own.
func (d *doctor) checkNeed(ctx context.Context) {
	if d.want, d.planErr = d.finder.Find(ctx); d.planErr == nil {
		d.plan, d.planErr = d.finder.Plan(ctx, d.want)
	}
	if d.planErr != nil {
		d.addError("need", checkFailed, d.planErr, d.app.Hint("explain"))
	}
}

// toolLimit is the time that uv may take to answer.
const toolLimit = time.Minute

// checkUV looks for uv and returns it, or nil if there is none.
func (d *doctor) checkUV(ctx context.Context) *uv.UV {
	ctx, cancel := context.WithTimeout(ctx, toolLimit)
	defer cancel()
	c := d.app.UVConfig(io.Discard, nil)
	if d.app.Config.RootErr() != nil {
		c.Root = "" // run nothing from an unusable root
	}
	tool, err := uv.Look(ctx, c)
	switch {
	case err != nil && d.app.Config.IsSet("uv"):
		d.addError("uv", checkFailed, err, "")
	case err != nil:
		d.addError("uv", checkWarning, err, "")
	case tool.Untested() != "":
		d.add("uv", checkWarning, d.otherUV(), "%s (%s): %s", tool.Path, d.uvSource(tool), tool.Untested())
	default:
		d.add("uv", checkOK, "", "%s %s (%s)", tool.Path, tool.Version, d.uvSource(tool))
	}
	return tool
}

// uvFile returns the config file that names uv, or "".
func (d *doctor) uvFile() string {
	if from := d.app.Config.Value("uv").From; d.app.Config.IsSet("uv") && !strings.HasPrefix(from, "variable ") {
		return from
	}
	return ""
}

// uvSource returns the config file that names uv, or else the place where uv was
// found.
func (d *doctor) uvSource(tool *uv.UV) string { return cmp.Or(d.uvFile(), tool.Source) }

// otherUV returns the remedy for a uv of an untested version.
func (d *doctor) otherUV() string {
	switch file := d.uvFile(); {
	case file != "":
		return "remove uv from " + fault.Quote(file)
	case d.app.Config.IsSet("uv"):
		return "unset MODELRUN_UV"
	}
	return "export MODELRUN_UV=/path/to/uv   # one of a version that is known to work"
}

// checkPython asks uv for the Python that creation would use.
func (d *doctor) checkPython(ctx context.Context, tool *uv.UV) {
	switch {
	case tool == nil:
		d.add("python", checkUnknown, "", "not looked for: there is no uv to ask")
		return
	case d.planErr != nil:
		d.add("python", checkUnknown, "", "not looked for: it is not known for what")
		return
	}
	if err := cmp.Or(d.app.Config.RootErr(), d.app.CheckTrusted(d.app.Config.Root().Tools().Pythons())); err != nil {
		d.addError("python", checkUnknown, err, "")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, toolLimit)
	defer cancel()
	path, err := tool.Python(ctx, d.plan)
	switch {
	case err == nil:
		d.add("python", checkOK, "", "%s, for %s", path, d.want.Key)
	case fault.CodeOf(err) == fault.NoPython && !d.app.Config.Bool("offline"):
		d.add("python", checkWarning, fault.RemedyOf(err), "%s; the first creation downloads it", err)
	default: // the error's own remedy is about creation
		d.add("python", checkFailed, fault.Quote(tool.Path)+" python find", "%s", err)
	}
}

// Free space below littleSpace gets a warning: a CUDA stack takes 6 to 8 GB. Below
// noSpace there is no room even for a verdict.
const (
	littleSpace = 10e9
	noSpace     = 100e6
)

// checkDisk checks the free space of the root's disk.
func (d *doctor) checkDisk() {
	free, err := fsys.FreeBytes(d.app.Config.Root().Envs())
	text := resolve.Bytes(int64(min(free, 1<<62))) + " free" //nolint:gosec // it fits
	switch {
	case err != nil:
		d.addError("disk", checkUnknown, err, "")
	case free < noSpace:
		d.add("disk", checkFailed, d.app.Hint("prune"), "%s: nothing can be created", text)
	case free < littleSpace:
		d.add("disk", checkWarning, d.app.Hint("prune"), "%s; an environment with CUDA takes 6 to 8 GB", text)
	default:
		d.add("disk", checkOK, "", "%s", text)
	}
}

// checkPaths checks whether file names in the root are too long.
func (d *doctor) checkPaths() {
	root := d.app.Config.Root()
	if err := resolve.Depth(root, cmp.Or(d.want.Key, "torch-cpu-transformers"), d.planErr != nil || d.plan.HasTorch()); err != nil {
		d.addError("paths", checkFailed, err, "")
		return
	}
	if d.app.Config.RootErr() != nil {
		d.add("paths", checkOK, "", "the names in the root will not be too long")
		return
	}
	_, length := fsys.LongestName(root.Envs())
	d.add("paths", checkOK, "", "the longest name in the root has %d characters, the root %d", length, utf8.RuneCountInString(string(root)))
}

// checkRoot checks the root itself, and shows the settings that are ignored.
func (d *doctor) checkRoot() {
	root, from := d.app.Config.Root(), d.app.Config.RootFrom()
	switch err := d.app.Config.RootErr(); {
	case err != nil:
		d.addError("root", checkFailed, err, "")
	case !fsys.Exists(string(root)):
		d.add("root", checkOK, "", "%s (%s) is not there yet", root, from)
	case !fsys.CanWrite(root.Envs()):
		d.add("root", checkOK, "", "%s (%s)%s; read-only for you: its environments are used, none can be made", root, from, ownerOf(root))
	default:
		d.add("root", checkOK, "", "%s (%s)%s", root, from, ownerOf(root))
	}
	for _, line := range d.app.Config.Ignored() {
		d.add("root", checkWarning, d.app.Hint("config"), "%s", line)
	}
}

// ownerOf returns the owner of a root, after a comma. It returns "" if the owner is
// not known.
func ownerOf(r envdir.Root) string {
	if owner := fsys.OwnerOf(string(r)); owner != "" {
		return ", owner " + owner
	}
	return ""
}

// checkLocks tests locks where creation needs them. For this it creates one file
// there and removes it.
func (d *doctor) checkLocks() {
	root, dir := d.app.Config.Root(), ""
	for _, candidate := range []string{root.Locks(), root.Envs(), string(root)} {
		if fsys.Exists(candidate) {
			dir = candidate
			break
		}
	}
	if dir == "" {
		d.add("locks", checkUnknown, "", "not tried: the root is not there yet")
		return
	}
	switch err := store.Locks(dir); {
	case err == nil:
		d.add("locks", checkOK, "", "they work in %s", dir)
	case fsys.Fault(err).Code == fault.BadRoot: // another kind of file has that name, so nothing can be created
		d.addError("locks", checkFailed, fsys.Fault(err), "")
	case errors.Is(err, store.ErrNoLocks):
		d.add("locks", checkWarning, "modelrun --root DIR …", "%s: %v; two who create at once are slow, not wrong. Use a root on another disk", dir, err)
	default:
		d.add("locks", checkUnknown, "", "not tried: %v", err)
	}
}

// checkVerdicts checks where verdicts can be stored.
func (d *doctor) checkVerdicts() {
	home := config.StateHome(d.app.Env)
	switch inRoot := d.app.Config.Root().State().Machine(d.app.Machine.Identity().ID()); {
	case fsys.CanWrite(inRoot):
		d.add("state", checkOK, "", "verdicts are kept in %s", inRoot)
	case home != "" && fsys.CanWrite(home):
		d.add("state", checkOK, "", "verdicts are kept in %s", home)
	default:
		d.add("state", checkWarning, "export XDG_STATE_HOME=DIR   # a folder that you can write",
			"neither %s nor your own state folder can be written: every start checks anew", inRoot)
	}
}

// checkIndex reports where packages come from. It contacts none of these places.
func (d *doctor) checkIndex() {
	c := d.app.Config
	from := func(setting string) string { return " (" + c.Value(setting).From + ")" }
	tool := d.app.UVConfig(io.Discard, nil)
	text := "packages from " + cmp.Or(tool.Index(), "PyPI")
	if c.IsSet("index.default") {
		text += from("index.default")
	}
	text += "; torch from " + cmp.Or(c.String("index.torch"), "where its profile says")
	if c.IsSet("index.torch") {
		text += from("index.torch")
	}
	for _, l := range c.List("index.find_links") {
		if !strings.Contains(l, "://") && !fsys.Exists(l) {
			d.add("index", checkWarning, fault.Shell("mkdir -p ", "mkdir ", l), "index.find_links%s: %s is not there", from("index.find_links"), l)
			return
		}
	}
	if links := tool.Wheels(); len(links) > 0 {
		text += "; wheels in " + strings.Join(links, ", ")
		if c.IsSet("index.find_links") {
			text += from("index.find_links")
		}
	}
	if c.Bool("offline") {
		text += "; --offline: from none of them"
	}
	d.add("index", checkOK, "", "%s", text)
}
