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
	// forgetAfter is how long a failure, its log and what else is said about a
	// key stay when the key has no env.
	forgetAfter = 7 * 24 * time.Hour
	// otherMachines is how long nothing was written for another machine before
	// its verdicts are thrown away. It may still run: then it checks once more.
	otherMachines = 90 * 24 * time.Hour
	// linkAfter is how long a junction is not used before it is made anew.
	linkAfter = 30 * 24 * time.Hour
)

// Kind says what kind of thing is removed. It is part of the JSON.
type Kind string

// The kinds, in the order in which a plan is carried out: what frees links to
// uv's cache comes before the cache.
const (
	Recover  Kind = "recover"  // a publish that was cut off is ended
	Promote  Kind = "promote"  // an env in .next takes its place
	Staging  Kind = "staging"  // of a creator that is gone
	Trash    Kind = "trash"    // what somebody began to delete
	Old      Kind = "old"      // a replaced or migrated env
	Unused   Kind = "unused"   // a shared env that nobody starts
	Log      Kind = "log"      // of a creation long ago
	Temp     Kind = "temp"     // a file that was never finished
	Advice   Kind = "advice"   // what is said about a key that is gone
	State    Kind = "state"    // verdicts of another machine
	Cache    Kind = "cache"    // wheels that no env links to
	Junction Kind = "junction" // a second name of a working directory
)

// Options is what a plan is made for.
type Options struct {
	Unused  time.Duration // shared envs that nobody started for so long; 0: none
	Machine string        // ours: its state stays
	Links   execx.Dirs    // whose junctions are looked at
}

// Item is one thing that goes, or that takes its place.
type Item struct {
	Kind  Kind
	Name  string // the key, the old id or the machine that it belongs to; "" nobody's
	Path  string
	Why   string
	Bytes int64 // that the disk has again when all of the plan before it is done

	do func() (freed int64, err error) // looks again, under the lock
}

// Kept is something that a plan leaves where it is.
type Kept struct {
	Path  string
	Why   string
	Users []store.Process
}

// Plan is what [Run] does.
type Plan struct {
	Items []Item
	Kept  []Kept
}

// Bytes is what all of a plan frees.
func (p Plan) Bytes() (total int64) {
	for _, i := range p.Items {
		total += i.Bytes
	}
	return total
}

// Result says how one item went.
type Result struct {
	Item
	Freed int64
	Err   error // why it is still there
}

// Make plans what can be removed from a root, and changes nothing. It never looks
// at old envs of the app.
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
	ledger usage.Ledger // of what the plan removes
	read   map[string][]os.DirEntry
	open   map[envdir.Key]bool // keys with a publish to end, or a creator: nothing else is done for them
}

func (p *planner) add(kind Kind, name, path, why string, do func() (int64, error)) {
	p.plan.Items = append(p.plan.Items, Item{kind, name, path, why, p.ledger.Remove(path), do})
}

func (p *planner) keep(path, why string, users ...store.Process) {
	p.plan.Kept = append(p.plan.Kept, Kept{path, why, users})
}

// keepFor keeps what an error speaks for.
func (p *planner) keepFor(path string, err error) {
	var busy *store.InUse
	if errors.As(err, &busy) {
		p.keep(path, "in use", busy.Users...)
		return
	}
	p.keep(path, err.Error())
}

// entries are what lies in a folder of ours. A link is somebody's own: what it
// leads to is not ours to empty.
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

// publishes are those that were cut off, and envs that wait in .next: these are
// promoted, never removed.
func (p *planner) publishes() {
	for _, e := range p.entries(p.Root.Locks()) {
		name, ok := strings.CutSuffix(e.Name(), filepath.Base(p.Root.Journal("")))
		k, err := envdir.ParseKey(name)
		if !ok || err != nil || p.creating(k, p.Root.Journal(k)) {
			continue
		}
		p.open[k] = true
		p.add(Recover, string(k), p.Root.Journal(k), "a publish that was cut off: it is ended", func() (int64, error) {
			return 0, p.under(k, p.Recover)
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
				done, err := p.Promote(l)
				if err == nil && !done {
					err = &store.InUse{Dir: next}
				}
				return err
			})
		}})
	}
}

// creating reports whether somebody works on a key, and says so once.
func (p *planner) creating(k envdir.Key, path string) bool {
	if p.open[k] {
		return true
	}
	if busy, err := p.Busy(k); err != nil || busy {
		p.open[k] = true
		p.keep(path, p.beingCreated(k))
		return true
	}
	return false
}

// remover removes what a plan names.
type remover struct{ *store.Store }

func (r remover) beingCreated(k envdir.Key) string {
	o := r.Owner(k)
	if o.PID == 0 {
		return "another process works on " + string(k)
	}
	return fmt.Sprintf("%s is being created by process %d on %s", k, o.PID, o.Host)
}

// under does something under the creation lock of a key.
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

// staging is what dead creators left, and trash.
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
	if _, lockless, _ := p.LockState(k); lockless && !store.Stale(e) {
		p.keep(path, young)
		return
	}
	p.add(Staging, string(k), path, "its creator is gone", func() (int64, error) {
		return p.discard(k, path, func(l *store.Lock) (string, error) {
			switch {
			case fsys.Exists(p.Root.Journal(k)):
				return "", errCutOff
			case l.Lockless() && !store.Stale(e):
				return "", errors.New(young)
			}
			return p.MoveToTrash(path)
		})
	})
}

// errCutOff is for keys whose journal may name the only whole env.
var errCutOff = errors.New("a publish was cut off: run modelrun prune again")

// retired are the envs in .old. Programs may still run in one that was replaced
// in .next, and nothing tells them from those of the same key elsewhere.
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
		if _, ok := p.IsMigrated(e.Name()); ok {
			why = "migrated, kept until now; after this migrate --undo is not possible"
		}
		if err == nil && p.creating(k, path) {
			continue
		}
		if err := p.CheckProcesses(d); err != nil {
			p.keepFor(path, err)
			continue
		}
		if _, lockless, _ := p.LockState(k); lockless {
			p.keep(path, errUnseen.Error())
			continue
		}
		p.add(Old, name, path, why, func() (int64, error) {
			return p.discard(k, path, func(l *store.Lock) (string, error) {
				switch {
				case fsys.Exists(p.Root.Journal(k)):
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
	if err := r.CheckProcesses(d); err != nil {
		return "", err
	}
	return r.MoveToTrash(d.Path)
}

// unused are the shared envs that nobody started for long.
func (p *planner) unused() {
	if p.want.Unused <= 0 {
		return
	}
	keys, err := p.Keys()
	if err != nil {
		p.keep(p.Root.Envs(), err.Error())
	}
	for _, k := range keys {
		d := p.Root.Shared(k)
		since := p.idleSince(d)
		if !fsys.IsDir(d.Venv()) || fsys.Exists(p.Root.Next(k).Path) || time.Since(since) < p.want.Unused || p.creating(k, d.Path) {
			continue
		}
		if err := p.CheckUnused(d); err != nil {
			p.keepFor(d.Path, err)
			continue
		}
		if _, lockless, _ := p.LockState(k); lockless {
			p.keep(d.Path, errLockless.Error())
			continue
		}
		p.add(Unused, string(k), d.Path, "not started since "+since.Format(time.DateOnly), func() (int64, error) {
			return p.discard(k, d.Path, func(l *store.Lock) (string, error) {
				if err := p.CheckUnused(d); err != nil {
					return "", err // it says who, which the times do not
				}
				switch {
				case l.Lockless():
					return "", errLockless
				case fsys.Exists(p.Root.Journal(k)) || fsys.Exists(p.Root.Next(k).Path):
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

// errUnseen is for envs that were replaced without a lease that could tell.
var errUnseen = errors.New("there are no locks here, so whoever runs in it on another machine is not seen: delete it yourself")

// idleSince is when an env was last started, or made.
func (r remover) idleSince(d envdir.Dir) time.Time {
	last := r.LastUsed(d)
	for _, path := range []string{d.Ready(), d.Venv()} {
		if info, err := os.Stat(path); err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return last
}

// moveAlone is moveAway for an env in which somebody could start: nobody can
// while it goes.
func (r remover) moveAlone(d envdir.Dir) (trash string, err error) {
	before := r.LastUsed(d)
	r.At("prune-alone")
	lease, err := r.Exclusive(d)
	if err != nil {
		return "", err
	}
	defer lease.Release()
	if !before.IsZero() && !r.LastUsed(d).Equal(before) {
		return "", errors.New("it was started meanwhile")
	}
	return r.MoveToTrash(d.Path)
}

// discard deletes a folder: away, under the creation lock of the key where there
// is one, looks again and moves it into the trash, where it is deleted when the
// lock is free again, so that nobody waits for that.
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
