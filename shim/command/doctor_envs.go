package command

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/prune"
	"github.com/modelrun/modelrun/resolve/usage"
)

// checkEnvs checks every environment of the root until ctx ends.
func (d *doctor) checkEnvs(ctx context.Context) {
	dirs, err := d.deps.Store.Catalogue().Envs()
	if err != nil {
		d.addError("envs", checkFailed, err, fault.Shell("ls -ld ", "icacls ", d.app.Config.Root().Envs()))
	}
	for _, dir := range dirs {
		if ctx.Err() != nil {
			return
		}
		d.checkEnv(ctx, dir)
	}
	noteDerived(d, dirs)
}

// noteDerived notes how many environments were made for needs beyond a key, or from a lock, and the space that
// they alone take. Each new list of needs makes another one.
func noteDerived(d *doctor, dirs []envdir.Dir) {
	var places []usage.Place
	idle := 0
	for _, dir := range dirs {
		if _, _, derived := envdir.Key(dir.Name).Extras(); !derived || dir.Kind != envdir.Shared {
			continue
		}
		seal, _, _ := health.ReadSeal(dir) // without a seal its files are counted
		if !seal.Size.Sane() {
			seal.Size = nil
		}
		places = append(places, usage.Place{Path: dir.Path, Sealed: seal.Size})
		if last := d.deps.Store.Catalogue().LastUsed(dir); !last.IsZero() && time.Since(last) > prune.DerivedAfter {
			idle++
		}
	}
	if len(places) == 0 {
		return
	}
	used, _ := usage.Used(places)
	alone := int64(0)
	for _, u := range used {
		alone += u.Alone
	}
	text, remedy := fmt.Sprintf("%d for needs beyond a key, or from a lock; they alone take %s", len(places), resolve.Bytes(alone)), ""
	if idle > 0 {
		text += fmt.Sprintf("; %d not started for 30 days", idle)
		remedy = d.app.Hint("prune")
	}
	d.add("derived", checkOK, remedy, "%s", text)
}

// envCheckID returns the id of the check of one environment.
func envCheckID(dir envdir.Dir) string {
	switch dir.Kind {
	case envdir.Next:
		return "next:" + dir.Name
	case envdir.Old:
		return "old:" + dir.Name
	default:
		return "env:" + dir.Name
	}
}

// checkEnv checks one environment: first its files without running anything, then
// the size of every file, and with --deep its imports.
func (d *doctor) checkEnv(ctx context.Context, dir envdir.Dir) {
	id := envCheckID(dir)
	rebuild := d.app.Hint("ensure --rebuild --env " + dir.Name)
	if dir.Kind == envdir.Old {
		rebuild = d.app.Hint("migrate " + dir.Name)
	}
	if err := d.deps.Trusted(dir); err != nil {
		d.addError(id, checkFailed, err, "")
		return
	}
	sub := d.subjects.of(ctx, dir)
	v, err := d.deps.Check.Look(sub)
	if err != nil {
		d.addError(id, checkFailed, err, "")
		return
	}
	if v.State == health.Broken {
		d.add(id, checkFailed, rebuild, "%s", v.Reason)
		return
	}
	if err := health.Audit(dir); err != nil {
		remedy := fault.RemedyOf(err)
		if fault.CodeOf(err) == fault.Verify {
			remedy = rebuild
		}
		d.add(id, checkFailed, remedy, "%s", err)
		return
	}
	imports := "not probed on this machine yet"
	if d.deep {
		if v, err = d.deps.Check.Probe(ctx, sub); err != nil {
			d.addError(id, checkUnknown, err, "")
			return
		}
		imports = "it imports what it is for"
	} else if v.Code != health.CodeUnverified {
		imports = "it imported what it is for"
	}
	changed, refused := d.subjects.changed(ctx, dir)
	switch update := d.app.Hint("ensure --update --env " + dir.Name); {
	case refused:
		d.add(id, checkWarning, update, "%s: a start refuses it", changed)
		return
	case changed != "":
		imports += "; " + changed + ", and it is kept until: " + update
	}
	d.addVerdict(id, v, imports, rebuild)
}

// addVerdict records the verdict on an environment whose files have the right
// sizes. imports reports whether its imports were tried.
func (d *doctor) addVerdict(id string, v health.Verdict, imports, rebuild string) {
	const sizes = "every file has its size"
	switch {
	case v.State == health.Broken:
		d.add(id, checkFailed, rebuild, "%s", v.Reason)
	case v.Code == health.CodeUnverified:
		d.add(id, checkUnknown, d.app.Hint("doctor --deep"), "%s; %s", sizes, imports)
	case v.State == health.Unknown:
		d.add(id, checkUnknown, d.app.Hint("doctor --deep"), "%s; not known to work: %s", sizes, v.Reason)
	case len(v.Warnings) > 0:
		d.add(id, checkWarning, rebuild, "%s; %s; %s", sizes, imports, strings.Join(v.Warnings, "; "))
	default:
		d.add(id, checkOK, "", "%s; %s", sizes, imports)
	}
}
