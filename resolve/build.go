package resolve

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/source"
	"github.com/modelrun/modelrun/resolve/store"
	"github.com/modelrun/modelrun/resolve/usage"
	"github.com/modelrun/modelrun/resolve/uv"
)

// build is one creation, under the creation lock. Other processes see no change until the deep probe has
// passed. Publishing is the last step.
type build struct {
	*Deps
	req  *Request
	lock *store.Lock
	plan profile.Plan
	log  *store.Log

	kept     kept // what stays of the env that is replaced
	progress progress

	sources      []source.Source // packages of this disk that the env needs, as they were before they were built
	uv           *uv.UV
	versions     uv.Lock
	privateCache bool              // this build has a uv cache of its own, because the shared one may be damaged
	mismatches   map[string]string // files of the last attempt that differ from RECORD: path to checksum
}

// newBuild returns the creation for which lock is held. why says why an env of the key is replaced, if there
// is one.
func newBuild(d *Deps, req *Request, lock *store.Lock, plan profile.Plan, why string) *build {
	return &build{
		Deps: d, req: req, lock: lock, plan: plan, kept: d.keep(req, plan, why),
		progress: progress{lock: lock, show: d.Caller.Progress, log: d.Log},
	}
}

// run creates the env and a log of the creation. If the creation fails, run records why.
//
// The verdict is about the env that was built. If another creator published first, p.Existing is set and the
// verdict says nothing about that env.
func (b *build) run(ctx context.Context) (p store.Published, v health.Verdict, err error) {
	b.Log.Info("Creating new shared environment: " + string(b.req.Key))
	for _, note := range b.plan.Notes {
		b.Log.Info(note)
	}
	if b.log, err = b.Store.NewLog(b.req.Key); err != nil {
		return p, v, b.recordFailure(ctx, err)
	}
	defer func() { _ = b.log.Close() }() // the log is advice: a failed close loses nothing that matters
	if b.kept.why != "" {
		b.warn(b.kept.String())
	}
	if b.sources, err = readSources(b.req.With); err != nil {
		return p, v, b.recordFailure(ctx, err)
	}
	if p, v, err = b.create(ctx); err != nil {
		return p, v, b.recordFailure(ctx, err)
	}
	return p, v, nil
}

// create finds uv, builds in staging (see buildStage), publishes, and then keeps the verdict. If a wheel is
// damaged, it builds once more, with a fresh uv cache.
func (b *build) create(ctx context.Context) (p store.Published, v health.Verdict, err error) {
	ctx, stop := b.progress.watch(ctx, b.req.Key, b.req.Policy.CreateTimeout)
	defer stop()

	b.enterPhase("looking for uv")
	if b.uv, err = b.Caller.UV(ctx, b.log, b.progress.heartbeat); err != nil {
		return p, v, err
	}
	if b.lock.Lockless() {
		b.uv = b.uv.Uncached()
	}
	stage, v, err := b.buildStage(ctx)
	if err != nil && fault.CodeOf(err) == fault.BadWheel {
		b.Log.Warn(err.Error())
		b.Log.Warn("trying once more without uv's cache, which a power cut may have damaged; to mend it, run: " + fault.Remove(b.req.Root.Cache()))
		b.Store.EmptyTrash()       // frees the first attempt's space before the second needs it
		cache, e := b.lock.Stage() // the cache is swept like a staging folder
		if e != nil {
			return p, v, e
		}
		defer b.discard(cache)
		b.uv, b.privateCache = b.uv.WithCache(cache.Dir.Path), true
		stage, v, err = b.buildStage(ctx)
	}
	if b.kept.giveUp(err) {
		b.warn(b.kept.String())
		stage, v, err = b.buildStage(ctx)
	}
	if err != nil {
		return p, v, notInstalled(b.plan.Lock, err)
	}
	defer b.discard(stage) // does nothing after publishing
	p, err = b.publish(ctx, stage)
	if err != nil || p.Existing {
		return p, v, err
	}
	b.afterPublish(ctx, p.Dir, v)
	return p, v, nil
}

// buildStage builds a complete env in a new staging folder: it resolves the versions, checks the disk
// space, creates the venv, installs, verifies every file and probes the imports. After an error no staging
// folder is left.
func (b *build) buildStage(ctx context.Context) (stage *store.Stage, v health.Verdict, err error) {
	if err := b.resolveVersions(ctx); err != nil {
		return nil, v, err
	}
	if err := b.preflight(); err != nil {
		return nil, v, err
	}
	if stage, err = b.lock.Stage(); err != nil {
		return nil, v, err
	}
	if err = b.install(ctx, stage.Dir); err == nil {
		v, err = b.verify(ctx, stage.Dir)
	}
	if err != nil {
		b.discard(stage)
	}
	return stage, v, err
}

// discard removes a staging folder. A later creation sweeps what remains after an error.
func (b *build) discard(stage *store.Stage) {
	if err := stage.Discard(); err != nil {
		b.Log.Debug("removing staging: " + err.Error())
	}
}

// resolveVersions pins every version before anything is downloaded.
func (b *build) resolveVersions(ctx context.Context) (err error) {
	b.enterPhase("resolving versions")
	switch {
	case b.plan.Lock != nil:
		b.versions, err = b.uv.Relock(ctx, b.plan, b.plan.Lock.Text)
	case b.kept.exact:
		b.versions, err = b.uv.Relock(ctx, b.kept.narrow(b.plan), b.kept.lock.Pylock)
	default:
		err = b.resolve(ctx)
	}
	for _, note := range b.versions.Notes {
		b.Log.Warn(note)
	}
	version := b.versions.Version("transformers")
	if kind := b.req.Model.Type; err == nil && profile.Unknown(kind, version) {
		b.Log.Warn(health.UnknownType(kind, version, string(b.req.Key), b.req.StartModel()))
	}
	return err
}

// resolve asks uv for the versions.
func (b *build) resolve(ctx context.Context) (err error) {
	for _, line := range b.plan.Yielded() {
		b.Log.Info(line)
	}
	b.versions, err = b.uv.Resolve(ctx, b.kept.soften(b.plan))
	if err == nil {
		err = b.checkVersions(ctx, b.plan, b.versions)
	}
	if err != nil {
		return b.req.withVersionsHint(err)
	}
	for _, line := range relaxed(b.plan, b.versions) {
		b.Log.Warn(line)
	}
	return nil
}

// diskFactor estimates the space on disk from the size of the wheels. It covers uv's cache and the env
// (measured: 2.9 GB of wheels, 5.2 GB on disk; the env consists of links into the cache).
const diskFactor = 2

// preflight logs the size of the download, and returns an error if the disk has too little space for it.
func (b *build) preflight() error {
	free, err := fsys.FreeBytes(b.req.Root.Envs())
	if err != nil {
		return err
	}
	estimate, need := "unknown size", int64(0)
	if download := b.versions.Missing(); download >= 0 {
		need = download * diskFactor // cached packages are linked and need no space
		estimate = fmt.Sprintf("%s to download, about %s on disk", Bytes(download), Bytes(need))
		if cached := b.versions.Download - download; cached > 0 {
			estimate = fmt.Sprintf("%s to download, about %s more on disk (%s is in uv's cache)", Bytes(download), Bytes(need), Bytes(cached))
		}
	}
	available := Bytes(int64(free)) //nolint:gosec // below 8 EiB
	b.Log.Info(fmt.Sprintf("root %s (%s); key %s; %s; %s free", b.req.Root, b.RootFrom, b.req.Key, estimate, available))
	if uint64(need) > free { //nolint:gosec // need is not negative
		return fault.New(fault.NoSpace, "%s needs about %s, %s has %s free", b.req.Key, Bytes(need), b.req.Root.Envs(), available).
			Fix("free some space there, or use another disk: modelrun --root DIR …")
	}
	return nil
}

// install creates the venv in d and installs the resolved versions into it.
func (b *build) install(ctx context.Context, d envdir.Dir) error {
	b.enterPhase("creating the venv")
	b.Log.Info("Creating environment in temp location: " + d.Path)
	if err := b.uv.Venv(ctx, b.versions, d); err != nil {
		return err
	}
	b.Log.Info("Virtual environment created, installing dependencies...")
	if b.plan.HasTorch() {
		b.Log.Info("Installing PyTorch stack...")
	}
	b.enterPhase("installing")
	return b.uv.Sync(ctx, b.versions, d, b.bytecodeSources(b.req), b.progress.installed)
}

// bytecodeSources lists the envs whose byte code may be linked, the most similar first: the env that is
// replaced, the env of the base key, then all others. Each is sealed, so it was complete, and it is as
// trusted as an env that is started.
func (d *Deps) bytecodeSources(req *Request) (out []envdir.Dir) {
	keys, _ := d.Store.Catalogue().Keys() // without keys everything is compiled
	for _, key := range append([]envdir.Key{req.Key, req.Base}, keys...) {
		dir := req.Root.Shared(key)
		if _, ok, err := health.ReadSeal(dir); ok && err == nil && d.Trusted(dir) == nil {
			out = append(out, dir)
		}
	}
	return out
}

// verify reads every file and runs the deep probe, both in staging.
func (b *build) verify(ctx context.Context, d envdir.Dir) (health.Verdict, error) {
	b.enterPhase("verifying files")
	found, err := health.Contents(ctx, d)
	if ctx.Err() != nil {
		return health.Verdict{}, context.Cause(ctx)
	}
	if e := b.acceptMismatches(found); err == nil {
		err = e
	}
	if err != nil {
		return health.Verdict{}, fault.New(fault.BadWheel, "the new environment is incomplete: %w", err).Fix("%s", b.logHint())
	}
	b.enterPhase("probing imports")
	v, err := b.Check.Probe(ctx, b.subject(d))
	switch {
	case err != nil:
		return v, err
	case v.State == health.Broken:
		hint := b.logHint()
		if b.kept.exact {
			hint = fmt.Sprintf("resolve its versions again: modelrun ensure%s --update%s", b.req.RootOption, b.req.Wanted())
		}
		return v, fault.New(fault.Verify, "the new environment does not work: %s", v.Reason).Fix("%s", hint)
	case v.State == health.Unknown:
		// The files are complete, but a busy GPU prevented the probe from finishing. The env is published and
		// sealed. The next launch that can probe it checks it again.
		b.Log.Warn("the new environment could not be probed to the end: " + v.Reason)
	}
	return v, nil
}

// acceptMismatches decides whether files that differ from their RECORD have the content of the wheel. They do
// if two independent caches gave the same content, because damage by a disk or a power cut is never the same
// twice. It returns an error for the first file that is not accepted.
func (b *build) acceptMismatches(found []health.Mismatch) (err error) {
	previous := b.mismatches
	b.mismatches = map[string]string{}
	for _, m := range found {
		b.mismatches[m.Path] = m.Sum
		if !b.privateCache || previous[m.Path] != m.Sum {
			err = cmp.Or(err, m.Err)
		}
	}
	for _, m := range found {
		if err == nil {
			b.Log.Warn(m.Err.Error())
		}
	}
	return err
}

// subject returns the env in d with the requirements to check.
func (b *build) subject(d envdir.Dir) health.Subject {
	return health.Subject{Dir: d, Imports: b.plan.Shared, CUDA: b.req.CUDA, Accel: b.plan.Accel}
}

// publish seals the staged env and moves it to its place. Then it reports what happened to the env that it
// replaced.
func (b *build) publish(ctx context.Context, stage *store.Stage) (store.Published, error) {
	b.enterPhase("publishing")
	durable, err := stage.Durable()
	if err != nil {
		return store.Published{}, err
	}
	seal, err := health.NewSeal(stage.Dir, b.newSeal(stage.Dir, durable))
	if err != nil {
		return store.Published{}, err
	}
	if err := ctx.Err(); err != nil {
		return store.Published{}, context.Cause(ctx) // the last point where Ctrl-C leaves everything unchanged
	}
	if err := stage.Seal(seal.JSON()); err != nil {
		return store.Published{}, err
	}
	replaced := b.req.Root.Next(b.req.Key) // the env in use now: one that waits in .next is used first
	if fsys.Missing(replaced.Path) {
		replaced = b.req.Root.Shared(b.req.Key)
	}
	drift := health.DriftOf(replaced)
	p, err := stage.Publish()
	if err != nil {
		return store.Published{}, err
	}
	if lines := b.kept.differences(seal, b.versions); len(lines) > 0 && !p.Existing {
		b.warn(fmt.Sprintf("what differs in %s from before: %s", b.req.Key, strings.Join(lines, "; ")))
	}
	if len(drift.Changes) > 0 && !p.Existing {
		b.Log.Warn(changesLost(b.req, drift))
	}
	if p.Retired != "" {
		b.Log.Info(retiredMessage(b.req, p.Retired))
	}
	if p.Postponed != "" {
		b.Log.Info(fmt.Sprintf("%s; the new environment is used from %s until then", p.Postponed, p.Dir.Path))
	}
	return p, nil
}

// newSeal returns a seal with all fields except those that [health.NewSeal] reads from the env itself.
func (b *build) newSeal(d envdir.Dir, durable bool) health.Seal {
	size := usage.Measure(d.Path, health.Owners(d))
	s := health.Seal{
		Key: string(b.req.Key), Plan: b.plan.Hash(), Own: b.plan.Own, OwnHash: b.plan.OwnHash,
		Profile: b.plan.Profile, ProfilePath: b.plan.ProfilePath, ProfileHash: b.plan.ProfileHash,
		UV: b.uv.Version, Modelrun: b.Version, BootID: store.BootID(), Durable: durable,
		Imports: b.plan.Shared, Size: &size, Sources: b.sources,
	}
	if b.req.Key != b.req.Base {
		s.With = b.req.Terms.Written(b.req.With)
	}
	if was := b.kept.seal; b.kept.exact { // the versions are still those of that profile
		s.Plan, s.ProfileHash, s.Relaxed = was.Plan, was.ProfileHash, was.Relaxed
	} else {
		s.Relaxed = slices.Concat(b.plan.Yielded(), relaxed(b.plan, b.versions))
	}
	return s
}

// afterPublish does work whose failure does no harm, because the env is already published.
func (b *build) afterPublish(ctx context.Context, dir envdir.Dir, v health.Verdict) {
	logError := func(what string, err error) {
		if err != nil {
			b.Log.Debug(what + ": " + err.Error())
		}
	}
	b.Store.At("verdict")
	logError("keeping the verdict", b.Check.Record(b.subject(dir), v))
	freeze, err := b.uv.Freeze(ctx, dir)
	logError("freezing", err)
	if err == nil {
		b.Store.At("constraints")
		logError("writing constraints", fsys.WriteFile(b.req.Root.Files(b.req.Key).Constraints(), freeze))
	}
	b.lock.ClearFailure()
	b.Log.Info(fmt.Sprintf("Environment %s ready!", b.req.Key))
}

// enterPhase reports a new phase to the log, the user's display and waiting processes.
func (b *build) enterPhase(name string) {
	b.progress.enter(name)
	_, _ = fmt.Fprintf(b.log, "== %s %s\n", time.Now().UTC().Format(time.RFC3339), name) // a full disk is reported elsewhere
	b.progress.heartbeat()
	b.Store.At(name)
}

// warn says a line to the user, and keeps it in the log of the creation.
func (b *build) warn(line string) {
	b.Log.Warn(line)
	_, _ = fmt.Fprintf(b.log, "== %s\n", fault.Mask(line)) // a full disk is reported elsewhere
}

// logHint returns the remedy for an error that has no remedy of its own.
func (b *build) logHint() string {
	if b.log == nil {
		return "try again"
	}
	return "read " + b.log.Name() + " for the installer's full output"
}

// recordFailure turns err into the error that the user sees. It stores the error, so that the same inputs are
// not retried at once. An interruption is not a failure and is not stored.
func (b *build) recordFailure(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && interrupted(cause) {
		return b.interruptedError(cause)
	}
	failure, log := *fsys.Fault(err), ""
	if failure.Remedy == "" {
		failure.Remedy = b.logHint()
	}
	if b.log != nil {
		log = b.log.Name()
		_, _ = fmt.Fprintf(b.log, "== failed: %s\n", fault.Mask(failure.Text)) // a full disk is reported elsewhere
		if !strings.Contains(failure.Text+failure.Remedy, log) {
			failure.Text += " (log: " + log + ")"
		}
	}
	if err := b.lock.RecordFailure(b.plan.Hash(), &failure, log); err != nil {
		b.Log.Debug("keeping the failure: " + err.Error())
	}
	return &failure
}

// interruptedError adds to an interruption how much of the download the next attempt can reuse.
func (b *build) interruptedError(cause error) error {
	cached := b.progress.cached()
	if cached == 0 || b.privateCache || b.lock.Lockless() { // a private cache is deleted with the build
		return cause
	}
	return fault.New(fault.CodeOf(cause), "%w; %d of %d packages are downloaded, and are kept in %s", cause, cached, len(b.versions.Packages), b.req.Root.Cache()).
		Fix("run the same command again to go on, or only make the environment: modelrun ensure%s --env %s", b.req.RootOption, b.req.Key)
}

// Bytes formats a size for people. Its units are decimal, as on the label of a disk.
func Bytes(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.0f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.0f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d B", n)
}
