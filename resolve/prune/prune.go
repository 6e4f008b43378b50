// Package prune plans what can be deleted from a root, and deletes it.
package prune

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/store"
	"github.com/modelrun/modelrun/resolve/usage"
)

const (
	// forgetAfter is how long a failure, a log and other notes about a key are kept
	// after its env is gone.
	forgetAfter = 7 * 24 * time.Hour
	// otherMachines is how long the verdicts of another machine are kept after the
	// last write. If that machine still exists, it only has to check once more.
	otherMachines = 90 * 24 * time.Hour
	// linkAfter is how long an unused junction is kept. It is created again when
	// needed.
	linkAfter = 30 * 24 * time.Hour
)

// DerivedAfter is how long an env for needs beyond a key, or from a lock, is kept after its last start. It can be
// made again with the same option.
const DerivedAfter = 30 * 24 * time.Hour

// Kind is the kind of an item. It is part of the JSON.
type Kind string

// The kinds, in the order in which a plan is carried out. Items that free links to
// uv's cache come before the cache.
const (
	Recover  Kind = "recover"  // an interrupted publish, which is completed
	Promote  Kind = "promote"  // an env in .next, which moves to its place
	Staging  Kind = "staging"  // the staging folder of a dead creator
	Trash    Kind = "trash"    // an interrupted deletion
	Old      Kind = "old"      // a replaced or migrated env
	Unused   Kind = "unused"   // a shared env that is not started any more
	Log      Kind = "log"      // the log of an old creation
	Temp     Kind = "temp"     // a temporary file that was left behind
	Advice   Kind = "advice"   // notes about a key that is gone
	State    Kind = "state"    // verdicts of another machine
	Cache    Kind = "cache"    // wheels that no env links to
	Junction Kind = "junction" // a short name of a long working directory
)

// Options selects what a plan removes.
type Options struct {
	Unused  time.Duration // remove shared envs that were not started for this long; 0 for none
	Machine string        // our machine, whose state is kept
	Links   execx.Dirs    // the folder of junctions
}

// Item is one thing that a plan removes or moves to its place.
type Item struct {
	Kind  Kind   // what it is
	Name  string // the key, old id or machine that it belongs to; "" if there is none
	Path  string // the file or folder
	Why   string // why it is removed or moved
	Bytes int64  // freed by this item after all items before it

	do func() (freed int64, err error) // checks again, under the lock
}

// Kept is something that a plan does not remove.
type Kept struct {
	Path  string          // the file or folder
	Why   string          // why it is kept
	Users []store.Process // the processes that use it
}

// Plan is what [Run] carries out.
type Plan struct {
	Items []Item // in the order in which they are carried out
	Kept  []Kept // what stays
}

// Bytes returns the number of bytes that the whole plan frees.
func (p Plan) Bytes() (total int64) {
	for _, i := range p.Items {
		total += i.Bytes
	}
	return total
}

// Result is the result of one item.
type Result struct {
	Item
	Freed int64 // bytes
	Err   error // why it was not removed; nil if it was
}

// Make plans what can be removed from a root, and changes nothing. It never touches
// the app's old envs.
func Make(st *store.Store, o Options) Plan {
	p := &planner{remover: remover{st}, want: o, ledger: usage.Ledger{}, read: map[string][]os.DirEntry{}, open: map[envdir.Key]bool{}}
	if fsys.IsDir(st.Root.Envs()) {
		p.publishes()
		p.staging()
		p.retired()
		p.unused()
		p.logs()
		p.temps()
		p.advice()
		p.states()
		p.cache()
	}
	p.junctions()
	return p.plan
}

// Run carries out a plan item by item, and reports the result of each. It checks
// each item again first, under the lock that protects it.
//
// Envs, and everything else that other processes read, are moved into the trash by
// one rename and deleted there. So a kill at any moment leaves only trash, which
// the next prune removes.
func Run(ctx context.Context, st *store.Store, p Plan, report func(Result)) error {
	if len(p.Items) == 0 {
		return nil
	}
	if fsys.IsDir(st.Root.Envs()) {
		if info, err := os.Lstat(st.Root.Tmp()); err == nil && !info.IsDir() {
			return fault.New(fault.BadRoot, "%s is not a folder that modelrun made, and what is deleted goes through it", st.Root.Tmp()).
				Fix("replace it by a folder")
		}
		if err := store.EnsureWritable(st.Root.Tmp()); err != nil {
			return err
		}
		defer st.EmptyTrash()
	}
	for _, item := range p.Items {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		st.At("prune-" + string(item.Kind))
		freed, err := item.do()
		report(Result{item, freed, err})
	}
	return nil
}

// planner makes a plan.
type planner struct {
	remover
	want   Options
	plan   Plan
	ledger usage.Ledger // the links that the plan removes
	read   map[string][]os.DirEntry
	open   map[envdir.Key]bool // keys with an interrupted publish or a creator; the plan leaves everything else of these keys alone
}

func (p *planner) add(kind Kind, name, path, why string, do func() (int64, error)) {
	p.plan.Items = append(p.plan.Items, Item{kind, name, path, why, p.ledger.Remove(path), do})
}

func (p *planner) keep(path, why string, users ...store.Process) {
	p.plan.Kept = append(p.plan.Kept, Kept{path, why, users})
}

// keepFor keeps path because of an error.
func (p *planner) keepFor(path string, err error) {
	var busy *store.InUse
	if errors.As(err, &busy) {
		p.keep(path, "in use", busy.Users...)
		return
	}
	p.keep(path, err.Error())
}

// entries returns the content of one of our folders. It does not follow a symbolic
// link: a user made it, and prune must not empty its target.
func (p *planner) entries(dir string) []os.DirEntry {
	if entries, seen := p.read[dir]; seen {
		return entries
	}
	p.read[dir] = nil
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && !info.IsDir() {
		p.keep(dir, "not a folder that modelrun made")
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		p.keep(dir, err.Error())
	}
	p.read[dir] = entries
	return entries
}

const notOurs = "not modelrun's"

// publishes plans to complete interrupted publishes, and to promote envs that wait
// in .next. Those envs are never removed.
func (p *planner) publishes() {
	for _, e := range p.entries(p.Root.Locks()) {
		name, ok := strings.CutSuffix(e.Name(), filepath.Base(p.Root.Files("").Journal()))
		k, err := envdir.ParseKey(name)
		if !ok || err != nil || p.creating(k, p.Root.Files(k).Journal()) {
			continue
		}
		p.open[k] = true
		p.add(Recover, string(k), p.Root.Files(k).Journal(), "a publish that was cut off: it is ended", func() (int64, error) {
			return 0, p.under(k, (*store.Lock).Recover)
		})
	}
	for _, e := range p.entries(p.Root.Nexts()) {
		k, err := envdir.ParseKey(e.Name())
		next := p.Root.Next(k)
		switch {
		case err != nil || !e.IsDir():
			p.keep(filepath.Join(p.Root.Nexts(), e.Name()), notOurs)
			continue
		case p.open[k] || p.creating(k, next.Path):
			continue
		case !fsys.Exists(next.Ready()):
			p.keep(next.Path, "not whole: it has no READY.json")
			continue
		}
		if err := errors.Join(p.CheckUnused(next), p.CheckUnused(p.Root.Shared(k))); err != nil {
			p.keepFor(next.Path, err)
			continue
		}
		p.plan.Items = append(p.plan.Items, Item{Promote, string(k), next.Path, "nobody is in its place any more: it takes it", 0, func() (int64, error) {
			return 0, p.under(k, func(l *store.Lock) error {
				done, err := l.Promote()
				if err == nil && !done {
					err = &store.InUse{Dir: next}
				}
				return err
			})
		}})
	}
}

// creating reports whether a creator works on a key. It adds the key to the kept
// items once.
func (p *planner) creating(k envdir.Key, path string) bool {
	if p.open[k] {
		return true
	}
	if busy, err := p.Creation(k).Busy(); err != nil || busy {
		p.open[k] = true
		p.keep(path, p.beingCreated(k))
		return true
	}
	return false
}

// remover carries out the items of a plan.
type remover struct{ *store.Store }

func (r remover) beingCreated(k envdir.Key) string {
	o := r.Creation(k).Owner()
	if o.PID == 0 {
		return "another process works on " + string(k)
	}
	return fmt.Sprintf("%s is being created by process %d on %s", k, o.PID, o.Host)
}

// under calls do with the creation lock of a key.
func (r remover) under(k envdir.Key, do func(*store.Lock) error) error {
	l, err := r.TryLock(k)
	if errors.Is(err, store.ErrBusy) {
		return errors.New(r.beingCreated(k))
	}
	if err != nil {
		return err
	}
	return errors.Join(do(l), l.Unlock())
}

// staging plans to remove the folders of dead creators, and trash.
func (p *planner) staging() {
	for _, e := range p.entries(p.Root.Tmp()) {
		path := filepath.Join(p.Root.Tmp(), e.Name())
		k, _, ok := envdir.ParseStaging(e.Name())
		switch {
		case envdir.ParseTrash(e.Name()):
			p.add(Trash, "", path, "deleting it was cut off", func() (int64, error) {
				freed := usage.Ledger{}.Remove(path)
				return freed, fsys.RemoveAll(path)
			})
		case ok && e.IsDir():
			p.staged(k, path, e)
		case !envdir.ParseTemp(e.Name()):
			p.keep(path, notOurs)
		}
	}
}

func (p *planner) staged(k envdir.Key, path string, e os.DirEntry) {
	if p.creating(k, path) {
		return
	}
	const young = "there are no locks here, and it is younger than a day"
	if _, lockless, _ := p.Creation(k).LockState(); lockless && !store.Stale(e) {
		p.keep(path, young)
		return
	}
	p.add(Staging, string(k), path, "its creator is gone", func() (int64, error) {
		return p.discard(k, path, func(l *store.Lock) (string, error) {
			switch {
			case fsys.Exists(p.Root.Files(k).Journal()):
				return "", errCutOff
			case l.Lockless() && !store.Stale(e):
				return "", errors.New(young)
			}
			return p.MoveToTrash(path)
		})
	})
}

// errCutOff is the error for a key whose journal may name its only complete env.
var errCutOff = errors.New("a publish was cut off: run modelrun prune again")

// retired plans to remove the envs in .old. Programs may still run in an env that
// was replaced in .next, and nothing distinguishes them from programs in other envs
// of the same key.
func (p *planner) retired() {
	for _, e := range p.entries(p.Root.OldEnvs()) {
		path := filepath.Join(p.Root.OldEnvs(), e.Name())
		name, _, ok := envdir.ParseRetired(e.Name())
		if !ok || !e.IsDir() {
			p.keep(path, notOurs)
			continue
		}
		d := envdir.Dir{Name: name, Path: path}
		k, err := envdir.ParseKey(name)
		why := "replaced or migrated, kept until now"
		if _, ok := p.OldEnvs().IsMigrated(e.Name()); ok {
			why = "migrated, kept until now; after this migrate --undo is not possible"
		}
		if err == nil && p.creating(k, path) {
			continue
		}
		if err := store.CheckProcesses(d); err != nil {
			p.keepFor(path, err)
			continue
		}
		if _, lockless, _ := p.Creation(k).LockState(); lockless {
			p.keep(path, errUnseen.Error())
			continue
		}
		p.add(Old, name, path, why, func() (int64, error) {
			return p.discard(k, path, func(l *store.Lock) (string, error) {
				switch {
				case fsys.Exists(p.Root.Files(k).Journal()):
					return "", errCutOff
				case l != nil && l.Lockless():
					return "", errUnseen
				}
				return p.moveRetired(d)
			})
		})
	}
}

func (r remover) moveRetired(d envdir.Dir) (trash string, err error) {
	if err := store.CheckProcesses(d); err != nil {
		return "", err
	}
	return r.MoveToTrash(d.Path)
}

// unused plans to remove the shared envs that were not started for long. Each new list of needs, and each lock,
// makes another env, so those are part of every plan.
func (p *planner) unused() {
	keys, err := p.Catalogue().Keys()
	if err != nil {
		p.keep(p.Root.Envs(), err.Error())
	}
	for _, k := range keys {
		d := p.Root.Shared(k)
		since, limit := p.idleSince(d), p.want.Unused
		if _, _, derived := k.Extras(); derived && (limit == 0 || limit > DerivedAfter) {
			limit = DerivedAfter
		}
		if limit == 0 || !fsys.IsDir(d.Venv()) || fsys.Exists(p.Root.Next(k).Path) || time.Since(since) < limit || p.creating(k, d.Path) {
			continue
		}
		if err := p.CheckUnused(d); err != nil {
			p.keepFor(d.Path, err)
			continue
		}
		if _, lockless, _ := p.Creation(k).LockState(); lockless {
			p.keep(d.Path, errLockless.Error())
			continue
		}
		p.add(Unused, string(k), d.Path, "not started since "+since.Format(time.DateOnly), func() (int64, error) {
			return p.discard(k, d.Path, func(l *store.Lock) (string, error) {
				if err := p.CheckUnused(d); err != nil {
					return "", err // this error names the processes
				}
				switch {
				case l.Lockless():
					return "", errLockless
				case fsys.Exists(p.Root.Files(k).Journal()) || fsys.Exists(p.Root.Next(k).Path):
					return "", errCutOff
				case !p.idleSince(d).Equal(since):
					return "", errors.New("it was started meanwhile")
				}
				return p.moveAlone(d)
			})
		})
	}
}

var errLockless = errors.New("there are no locks here, so whoever starts it now would not be seen")

// errUnseen is the error for replaced envs without a working lease.
var errUnseen = errors.New("there are no locks here, so whoever runs in it on another machine is not seen: delete it yourself")

// idleSince returns when an env was last started or created.
func (r remover) idleSince(d envdir.Dir) time.Time {
	last := r.Catalogue().LastUsed(d)
	for _, path := range []string{d.Ready(), d.Venv()} {
		if info, err := os.Stat(path); err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return last
}

// moveAlone moves an env into the trash, like MoveToTrash. No program can start in
// the env while it is moved.
func (r remover) moveAlone(d envdir.Dir) (trash string, err error) {
	before := r.Catalogue().LastUsed(d)
	r.At("prune-alone")
	lease, err := r.Exclusive(d)
	if err != nil {
		return "", err
	}
	defer lease.Release()
	if !before.IsZero() && !r.Catalogue().LastUsed(d).Equal(before) {
		return "", errors.New("it was started meanwhile")
	}
	return r.MoveToTrash(d.Path)
}

// discard deletes a folder. It takes the creation lock of the key, if there is one.
// Under the lock, away checks again and moves the folder into the trash. discard
// deletes the trash after it has released the lock, so that no process waits for
// the deletion.
func (r remover) discard(k envdir.Key, path string, away func(*store.Lock) (trash string, err error)) (int64, error) {
	freed, trash := usage.Ledger{}.Remove(path), ""
	move := func(l *store.Lock) (err error) {
		trash, err = away(l)
		return err
	}
	var err error
	if k == "" {
		err = move(nil)
	} else {
		err = r.under(k, move)
	}
	if trash == "" {
		return 0, err
	}
	r.At("prune-moved")
	return freed, errors.Join(err, fsys.RemoveAll(trash))
}
