package resolve

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/requirement"
	"github.com/modelrun/modelrun/resolve/store"
	"github.com/modelrun/modelrun/resolve/usage"
	"github.com/modelrun/modelrun/resolve/uv"
)

// build is one creation, under the creation lock. Nothing visible changes
// before the deep probe has passed; publishing is the last act.
type build struct {
	*Deps
	req  *Request
	lock *store.Lock
	plan profile.Plan
	log  *store.Log

	mu     sync.Mutex  // beats come from uv's watcher, too
	owner  store.Owner // what we tell those who wait
	kept   int         // packages that lie in uv's cache
	uv     *uv.UV
	locked uv.Lock
	fresh  bool              // uv has a cache of its own, because the usual one is damaged
	odd    map[string]string // what the last try gave other content than RECORD tells: path to its sum
}

// run goes through the steps of DESIGN 7 in their order. The verdict is about the
// env that was built: of another creator's that was published first, nothing is
// known.
func (b *build) run(ctx context.Context) (p store.Published, v health.Verdict, err error) {
	key := b.req.Key
	b.Log.Info("Creating new shared environment: " + string(key))
	if b.log, err = b.Store.NewLog(key); err != nil {
		return p, v, err
	}
	defer func() { _ = b.log.Close() }() // what matters is on the disk by then
	ctx, stop := b.watch(ctx)
	defer stop()

	b.phase("looking for uv")
	if b.uv, err = b.UV(ctx, b.log, b.beat); err != nil {
		return p, v, err
	}
	if b.lock.Lockless() {
		b.uv = b.uv.Uncached()
	}
	stage, v, err := b.fill(ctx)
	if err != nil && fault.CodeOf(err) == fault.BadWheel {
		b.Log.Warn(err.Error())
		b.Log.Warn("trying once more without uv's cache, which a power cut may have damaged; to mend it, run: " + fault.Remove(b.req.Root.Cache()))
		b.Store.EmptyTrash()              // the first try's copy, before the second needs its space
		cache, e := b.Store.Stage(b.lock) // swept like one, too
		if e != nil {
			return p, v, e
		}
		defer b.discard(cache)
		b.uv, b.fresh = b.uv.WithCache(cache.Dir.Path), true
		stage, v, err = b.fill(ctx)
	}
	if err != nil {
		return p, v, err
	}
	defer b.discard(stage) // does nothing after publish
	p, err = b.publish(ctx, stage)
	if err != nil || p.Existing {
		return p, v, err
	}
	b.after(ctx, p.Dir, v)
	return p, v, nil
}

// fill makes a whole env in a new staging folder, or leaves none.
func (b *build) fill(ctx context.Context) (stage *store.Stage, v health.Verdict, err error) {
	if err := b.resolve(ctx); err != nil {
		return nil, v, err
	}
	if err := b.preflight(); err != nil {
		return nil, v, err
	}
	if stage, err = b.Store.Stage(b.lock); err != nil {
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

func (b *build) discard(stage *store.Stage) {
	if err := stage.Discard(); err != nil {
		b.Log.Debug("removing staging: " + err.Error())
	}
}

// resolve settles every version before a byte of it is downloaded.
func (b *build) resolve(ctx context.Context) (err error) {
	b.phase("resolving versions")
	b.locked, err = b.uv.Resolve(ctx, b.plan)
	if err != nil {
		return err
	}
	for _, r := range b.locked.Relaxed {
		b.Log.Warn(r.String())
	}
	for _, note := range b.locked.Notes {
		b.Log.Warn(note)
	}
	return nil
}

// unpacked is how much larger a stack is on disk than its wheels, cache and
// env together (measured: 2.9 GB of wheels, 5.2 GB on disk; the env is links).
const unpacked = 2

// preflight says what is about to happen, and refuses what cannot succeed.
func (b *build) preflight() error {
	free, err := fsys.FreeBytes(b.req.Root.Envs())
	if err != nil {
		return err
	}
	size, need := "unknown size", int64(0)
	if missing := b.locked.Missing(); missing >= 0 {
		need = missing * unpacked // what is in the cache is linked
		size = fmt.Sprintf("%s to download, about %s on disk", Bytes(missing), Bytes(need))
		if cached := b.locked.Download - missing; cached > 0 {
			size = fmt.Sprintf("%s to download, about %s more on disk (%s is in uv's cache)", Bytes(missing), Bytes(need), Bytes(cached))
		}
	}
	b.Log.Info(fmt.Sprintf("root %s (%s); key %s; %s; %s free", b.req.Root, b.RootFrom, b.req.Key, size, Bytes(int64(free)))) //nolint:gosec // no disk has 8 EiB
	if uint64(need) > free {                                                                                                  //nolint:gosec // need is not negative
		return fault.New(fault.NoSpace, "%s needs about %s, %s has %s free", b.req.Key, Bytes(need), b.req.Root.Envs(), Bytes(int64(free))). //nolint:gosec // as above
																			Fix("free some space there, or use another disk: modelrun --root DIR …")
	}
	return nil
}

func (b *build) install(ctx context.Context, d envdir.Dir) error {
	b.phase("creating the venv")
	b.Log.Info("Creating environment in temp location: " + d.Path)
	if err := b.uv.Venv(ctx, b.locked, d); err != nil {
		return err
	}
	b.Log.Info("Virtual environment created, installing dependencies...")
	if b.plan.HasTorch() {
		b.Log.Info("Installing PyTorch stack...")
	}
	b.phase("installing")
	return b.uv.Sync(ctx, b.locked, d, b.others(), b.progress)
}

// others are the envs whose byte code may be linked, the likeliest first: the one
// that is replaced, that of the key itself, and all there are. Sealed, so they were
// whole, and trusted like any that is started.
func (b *build) others() (out []envdir.Dir) {
	keys, _ := b.Store.Keys() // none: everything is compiled
	for _, key := range append([]envdir.Key{b.req.Key, b.req.Base}, keys...) {
		d := b.req.Root.Shared(key)
		if _, ok, err := health.ReadSeal(d); ok && err == nil && b.Trusted(d) == nil {
			out = append(out, d)
		}
	}
	return out
}

// verify reads every file and runs the deep probe, both in staging.
func (b *build) verify(ctx context.Context, d envdir.Dir) (health.Verdict, error) {
	b.phase("verifying files")
	odd, err := health.Contents(ctx, d)
	if ctx.Err() != nil {
		return health.Verdict{}, context.Cause(ctx)
	}
	if e := b.accept(odd); err == nil {
		err = e
	}
	if err != nil {
		return health.Verdict{}, fault.New(fault.BadWheel, "the new environment is incomplete: %w", err).Fix("%s", b.readLog())
	}
	b.phase("probing imports")
	v, err := b.Check.Probe(ctx, b.subject(d))
	switch {
	case err != nil:
		return v, err
	case v.State == health.Broken:
		return v, fault.New(fault.Verify, "the new environment does not work: %s", v.Reason).Fix("%s", b.readLog())
	case v.State == health.Unknown:
		// Complete, but a busy GPU kept the probe from its end: published and
		// sealed, and checked again by the first launch that can.
		b.Log.Warn("the new environment could not be probed to the end: " + v.Reason)
	}
	return v, nil
}

// accept says whether the files are the wheels' although RECORD tells otherwise:
// two caches that know nothing of each other gave the same content. What a disk
// or a power cut damages is not the same twice.
func (b *build) accept(odd []health.Odd) (err error) {
	before := b.odd
	b.odd = map[string]string{}
	for _, o := range odd {
		b.odd[o.Path] = o.Sum
		if !b.fresh || before[o.Path] != o.Sum {
			err = cmp.Or(err, o.Err)
		}
	}
	for _, o := range odd {
		if err == nil {
			b.Log.Warn(o.Err.Error())
		}
	}
	return err
}

func (b *build) subject(d envdir.Dir) health.Subject {
	return health.Subject{Dir: d, Imports: b.plan.Shared, CUDA: b.req.CUDA, Accel: b.plan.Accel}
}

func (b *build) publish(ctx context.Context, stage *store.Stage) (store.Published, error) {
	b.phase("publishing")
	durable, err := stage.Durable()
	if err != nil {
		return store.Published{}, err
	}
	seal, err := health.NewSeal(stage.Dir, b.sealed(stage.Dir, durable))
	if err != nil {
		return store.Published{}, err
	}
	if err := ctx.Err(); err != nil {
		return store.Published{}, context.Cause(ctx) // last moment at which Ctrl-C leaves everything as it was
	}
	if err := stage.Seal(seal.JSON()); err != nil {
		return store.Published{}, err
	}
	was := b.req.Root.Next(b.req.Key) // what is in use now, and will be replaced
	if fsys.Missing(was.Path) {
		was = b.req.Root.Shared(b.req.Key)
	}
	past := health.PastOf(was)
	p, err := stage.Publish()
	if err != nil {
		return store.Published{}, err
	}
	if len(past.ByHand) > 0 && !p.Existing {
		b.Log.Warn(lost(b.req, past))
	}
	if p.Retired != "" {
		b.Log.Info(retired(b.req, p.Retired))
	}
	if p.Postponed != "" {
		b.Log.Info(fmt.Sprintf("%s; the new environment is used from %s until then", p.Postponed, p.Dir.Path))
	}
	return p, nil
}

// sealed is what READY.json says besides what is read from the env itself.
func (b *build) sealed(d envdir.Dir, durable bool) health.Seal {
	size := usage.Measure(d.Path, health.Owners(d))
	s := health.Seal{
		Key: string(b.req.Key), Plan: b.plan.Hash(), Own: b.plan.Own,
		Profile: b.plan.Profile, ProfilePath: b.plan.ProfilePath, ProfileHash: b.plan.ProfileHash,
		UV: b.uv.Version, Modelrun: b.Version, BootID: store.BootID(), Durable: durable,
		Imports: b.plan.Shared, Size: &size,
	}
	if b.req.Key != b.req.Base {
		s.With = requirement.Strings(b.req.With)
	}
	for _, r := range b.locked.Relaxed {
		s.Relaxed = append(s.Relaxed, r.String())
	}
	return s
}

// after is what may fail without harm: the env is published already.
func (b *build) after(ctx context.Context, dir envdir.Dir, v health.Verdict) {
	soft := func(what string, err error) {
		if err != nil {
			b.Log.Debug(what + ": " + err.Error())
		}
	}
	b.Store.At("verdict")
	soft("keeping the verdict", b.Check.Record(b.subject(dir), v))
	freeze, err := b.uv.Freeze(ctx, dir)
	soft("freezing", err)
	if err == nil {
		b.Store.At("constraints")
		soft("writing constraints", fsys.WriteFile(b.req.Root.Constraints(b.req.Key), freeze))
	}
	b.Store.ClearFailure(b.req.Key)
	b.Log.Info(fmt.Sprintf("Environment %s ready!", b.req.Key))
}

// phase says where we are, to the log, to the user's display and to those who wait.
func (b *build) phase(name string) {
	b.mu.Lock()
	b.owner = store.Owner{PID: os.Getpid(), Phase: name, Heartbeat: b.owner.Heartbeat}
	b.mu.Unlock()
	_, _ = fmt.Fprintf(b.log, "== %s %s\n", time.Now().UTC().Format(time.RFC3339), name) // a full disk shows elsewhere
	b.beat()
	b.Store.At(name)
}

func (b *build) progress(p uv.Progress) {
	b.mu.Lock()
	b.owner.Done, b.owner.Total = p.DoneBytes, p.TotalBytes
	b.owner.Packages, b.owner.PackagesTotal, b.owner.Doing = p.Packages, p.TotalPackages, p.Doing
	b.kept = max(b.kept, p.Packages)
	b.mu.Unlock()
	b.beat()
}

// beat is a sign of life.
func (b *build) beat() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.owner.Heartbeat++
	if err := b.lock.Report(b.owner); err != nil {
		b.Log.Debug("telling others how far we are: " + err.Error())
	}
	b.Progress(b.owner)
}

// watch ends the creation when nothing has beaten for --create-timeout, and
// shows meanwhile that a quiet one goes on.
func (b *build) watch(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		tick := time.NewTicker(max(min(b.req.Policy.CreateTimeout/10, time.Second), time.Millisecond))
		defer tick.Stop()
		last, since := int64(-1), time.Now()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			b.mu.Lock()
			now, phase := b.owner.Heartbeat, b.owner.Phase
			if now == last && phase != "" && ctx.Err() == nil {
				b.Progress(b.owner)
			}
			b.mu.Unlock()
			if now != last {
				last, since = now, time.Now()
			} else if time.Since(since) > b.req.Policy.CreateTimeout {
				cancel(fault.New(fault.CreateTimeout, "creating %s: no progress for %s while %s", b.req.Key, b.req.Policy.CreateTimeout, phase).
					Fix("try again, or allow more: modelrun --create-timeout 1h …"))
			}
		}
	}()
	return ctx, func() {
		b.mu.Lock() // nothing is shown afterwards
		defer b.mu.Unlock()
		cancel(nil)
	}
}

func (b *build) logName() string {
	if b.log == nil {
		return ""
	}
	return b.log.Name()
}

func (b *build) readLog() string {
	if b.log == nil {
		return "try again"
	}
	return "read " + b.log.Name() + " for the installer's full output"
}

// failed turns err into what the user sees and remembers it, so that the same
// inputs are not tried again at once.
func (b *build) failed(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && interrupted(cause) {
		return b.keeps(cause)
	}
	told := *fsys.Fault(err)
	if told.Remedy == "" {
		told.Remedy = b.readLog()
	}
	if b.log != nil {
		if name := b.logName(); !strings.Contains(told.Text+told.Remedy, name) {
			told.Text += " (log: " + name + ")"
		}
		_, _ = fmt.Fprintf(b.log, "== failed: %s\n", told.Text) // as above
	}
	if err := b.Store.RecordFailure(b.req.Key, b.plan.Hash(), &told, b.logName()); err != nil {
		b.Log.Debug("keeping the failure: " + err.Error())
	}
	return &told
}

// keeps says of an interruption what the next try need not do again.
func (b *build) keeps(cause error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.kept == 0 || b.fresh || b.lock.Lockless() { // these have a cache that goes with them
		return cause
	}
	return fault.New(fault.CodeOf(cause), "%w; %d of %d packages are downloaded, and are kept in %s", cause, b.kept, len(b.locked.Packages), b.req.Root.Cache()).
		Fix("run the same command again to go on, or only make the environment: modelrun ensure%s --env %s", b.req.RootOption, b.req.Key)
}

// Bytes writes a size for people: decimal units, as disks are sold.
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
