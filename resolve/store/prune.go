package store

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

// PruneKind says what kind of thing is removed. It is part of the JSON.
type PruneKind string

// The kinds, in the order in which a plan is carried out: what frees links to
// uv's cache comes before the cache.
const (
	PruneRecover  PruneKind = "recover"  // a publish that was cut off is ended
	PrunePromote  PruneKind = "promote"  // an env in .next takes its place
	PruneStaging  PruneKind = "staging"  // of a creator that is gone
	PruneTrash    PruneKind = "trash"    // what somebody began to delete
	PruneOld      PruneKind = "old"      // a replaced or migrated env
	PruneUnused   PruneKind = "unused"   // a shared env that nobody starts
	PruneLog      PruneKind = "log"      // of a creation long ago
	PruneTemp     PruneKind = "temp"     // a file that was never finished
	PruneAdvice   PruneKind = "advice"   // what is said about a key that is gone
	PruneState    PruneKind = "state"    // verdicts of another machine
	PruneCache    PruneKind = "cache"    // wheels that no env links to
	PruneJunction PruneKind = "junction" // a second name of a working directory
)

// PruneWant is what a plan is made for.
type PruneWant struct {
	Unused  time.Duration // shared envs that nobody started for so long; 0: none
	Machine string        // ours: its state stays
	Links   execx.Dirs    // whose junctions are looked at
}

// PruneItem is one thing that goes, or that takes its place.
type PruneItem struct {
	Kind  PruneKind
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
	Users []Process
}

// PrunePlan is what [Store.Prune] does.
type PrunePlan struct {
	Items []PruneItem
	Kept  []Kept
}

// Bytes is what all of a plan frees.
func (p PrunePlan) Bytes() (total int64) {
	for _, i := range p.Items {
		total += i.Bytes
	}
	return total
}

// Pruned says how one item went.
type Pruned struct {
	PruneItem
	Freed int64
	Err   error // why it is still there
}

// PlanPrune says what can be removed from a root, and changes nothing. Old envs
// of the app are never looked at.
func (s *Store) PlanPrune(w PruneWant) PrunePlan {
	p := &pruner{Store: s, want: w, ledger: ledger{}, read: map[string][]os.DirEntry{}, open: map[envdir.Key]bool{}}
	if isDir(s.Root.Envs()) {
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

// Prune carries a plan out, item by item, and tells how each went. Everything
// is looked at again first, under the lock that protects it. What counts as an
// env or is read by somebody goes by one rename and is deleted then, so that a
// kill at any moment leaves only trash, which the next one removes.
func (s *Store) Prune(ctx context.Context, p PrunePlan, tell func(Pruned)) error {
	if len(p.Items) == 0 {
		return nil
	}
	if isDir(s.Root.Envs()) {
		if info, err := os.Lstat(s.Root.Tmp()); err == nil && !info.IsDir() {
			return fault.New(fault.BadRoot, "%s is not a folder that modelrun made, and what is deleted goes through it", s.Root.Tmp()).
				Fix("replace it by a folder")
		}
		if err := s.writable(s.Root.Tmp()); err != nil {
			return err
		}
		defer s.EmptyTrash()
	}
	for _, item := range p.Items {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		s.at("prune-" + string(item.Kind))
		freed, err := item.do()
		tell(Pruned{item, freed, err})
	}
	return nil
}

// pruner makes a plan.
type pruner struct {
	*Store
	want   PruneWant
	plan   PrunePlan
	ledger ledger // of what the plan removes
	read   map[string][]os.DirEntry
	open   map[envdir.Key]bool // keys with a publish to end, or a creator: nothing else is done for them
}

func (p *pruner) add(kind PruneKind, name, path, why string, do func() (int64, error)) {
	p.plan.Items = append(p.plan.Items, PruneItem{kind, name, path, why, p.ledger.remove(path), do})
}

func (p *pruner) keep(path, why string, users ...Process) {
	p.plan.Kept = append(p.plan.Kept, Kept{path, why, users})
}

// keepFor keeps what an error speaks for.
func (p *pruner) keepFor(path string, err error) {
	var busy *InUse
	if errors.As(err, &busy) {
		p.keep(path, "in use", busy.Users...)
		return
	}
	p.keep(path, err.Error())
}

// entries are what lies in a folder of ours. A link is somebody's own: what it
// leads to is not ours to empty.
func (p *pruner) entries(dir string) []os.DirEntry {
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
func (p *pruner) publishes() {
	for _, e := range p.entries(p.Root.Locks()) {
		name, ok := strings.CutSuffix(e.Name(), filepath.Base(p.Root.Journal("")))
		k, err := envdir.ParseKey(name)
		if !ok || err != nil || p.creating(k, p.Root.Journal(k)) {
			continue
		}
		p.open[k] = true
		p.add(PruneRecover, string(k), p.Root.Journal(k), "a publish that was cut off: it is ended", func() (int64, error) {
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
		case !exists(next.Ready()):
			p.keep(next.Path, "not whole: it has no READY.json")
			continue
		}
		if err := errors.Join(p.inUse(next), p.inUse(p.Root.Shared(k))); err != nil {
			p.keepFor(next.Path, err)
			continue
		}
		p.plan.Items = append(p.plan.Items, PruneItem{PrunePromote, string(k), next.Path, "nobody is in its place any more: it takes it", 0, func() (int64, error) {
			return 0, p.under(k, func(l *Lock) error {
				done, err := p.Promote(l)
				if err == nil && !done {
					err = &InUse{Dir: next}
				}
				return err
			})
		}})
	}
}

// creating reports whether somebody works on a key, and says so once.
func (p *pruner) creating(k envdir.Key, path string) bool {
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

func (s *Store) beingCreated(k envdir.Key) string {
	o := s.Owner(k)
	if o.PID == 0 {
		return "another process works on " + string(k)
	}
	return fmt.Sprintf("%s is being created by process %d on %s", k, o.PID, o.Host)
}

// under does something under the creation lock of a key.
func (s *Store) under(k envdir.Key, do func(*Lock) error) error {
	l, err := s.TryLock(k)
	if errors.Is(err, ErrBusy) {
		return errors.New(s.beingCreated(k))
	}
	if err != nil {
		return err
	}
	return errors.Join(do(l), l.Unlock())
}

// staging is what dead creators left, and trash.
func (p *pruner) staging() {
	for _, e := range p.entries(p.Root.Tmp()) {
		path := filepath.Join(p.Root.Tmp(), e.Name())
		k, _, ok := envdir.ParseStaging(e.Name())
		switch {
		case envdir.ParseTrash(e.Name()):
			p.add(PruneTrash, "", path, "deleting it was cut off", func() (int64, error) {
				freed := ledger{}.remove(path)
				return freed, removeAll(path)
			})
		case ok && e.IsDir():
			p.staged(k, path, e)
		case !envdir.ParseTemp(e.Name()):
			p.keep(path, notOurs)
		}
	}
}

func (p *pruner) staged(k envdir.Key, path string, e os.DirEntry) {
	if p.creating(k, path) {
		return
	}
	const young = "there are no locks here, and it is younger than a day"
	if _, lockless, _ := p.look(k); lockless && !stale(e) {
		p.keep(path, young)
		return
	}
	p.add(PruneStaging, string(k), path, "its creator is gone", func() (int64, error) {
		return p.discard(k, path, func(l *Lock) (string, error) {
			switch {
			case exists(p.Root.Journal(k)):
				return "", errCutOff
			case l.lockless && !stale(e):
				return "", errors.New(young)
			}
			return p.moveAway(path)
		})
	})
}

// errCutOff is for keys whose journal may name the only whole env.
var errCutOff = errors.New("a publish was cut off: run modelrun prune again")

// retired are the envs in .old. Programs may still run in one that was replaced
// in .next, and nothing tells them from those of the same key elsewhere.
func (p *pruner) retired() {
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
		if _, ok := p.migrated(e.Name()); ok {
			why = "migrated, kept until now; after this migrate --undo is not possible"
		}
		if err == nil && p.creating(k, path) {
			continue
		}
		if err := p.stillIn(d); err != nil {
			p.keepFor(path, err)
			continue
		}
		if _, lockless, _ := p.look(k); lockless {
			p.keep(path, errUnseen.Error())
			continue
		}
		p.add(PruneOld, name, path, why, func() (int64, error) {
			return p.discard(k, path, func(l *Lock) (string, error) {
				switch {
				case exists(p.Root.Journal(k)):
					return "", errCutOff
				case l != nil && l.lockless:
					return "", errUnseen
				}
				return p.moveRetired(d)
			})
		})
	}
}

// stillIn says who runs in a replaced env: nobody did when it was replaced, where
// there are locks, and the lease of its key is about the env that took its place.
func (s *Store) stillIn(d envdir.Dir) error {
	if users := s.Users(d); len(users) > 0 {
		return &InUse{d, users}
	}
	return nil
}

func (s *Store) moveRetired(d envdir.Dir) (trash string, err error) {
	if err := s.stillIn(d); err != nil {
		return "", err
	}
	return s.moveAway(d.Path)
}

// inUse says who runs in an env, as [Store.Exclusive] does, and leaves nothing
// behind. Who starts at this moment waits a moment longer.
func (s *Store) inUse(d envdir.Dir) error {
	users := s.Users(d)
	f, err := openRegular(s.Root.Lease(d), os.O_RDONLY)
	if err == nil {
		defer f.Close()
		if errors.Is(lockFile(f, true), errHeld) {
			return &InUse{d, users}
		}
	}
	if len(users) > 0 {
		return &InUse{d, users}
	}
	return nil
}

// unused are the shared envs that nobody started for long.
func (p *pruner) unused() {
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
		if !isDir(d.Venv()) || exists(p.Root.Next(k).Path) || time.Since(since) < p.want.Unused || p.creating(k, d.Path) {
			continue
		}
		if err := p.inUse(d); err != nil {
			p.keepFor(d.Path, err)
			continue
		}
		if _, lockless, _ := p.look(k); lockless {
			p.keep(d.Path, errLockless.Error())
			continue
		}
		p.add(PruneUnused, string(k), d.Path, "not started since "+since.Format(time.DateOnly), func() (int64, error) {
			return p.discard(k, d.Path, func(l *Lock) (string, error) {
				if err := p.inUse(d); err != nil {
					return "", err // it says who, which the times do not
				}
				switch {
				case l.lockless:
					return "", errLockless
				case exists(p.Root.Journal(k)) || exists(p.Root.Next(k).Path):
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
func (s *Store) idleSince(d envdir.Dir) time.Time {
	last := s.LastUsed(d)
	for _, path := range []string{d.Ready(), d.Venv()} {
		if info, err := os.Stat(path); err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return last
}

// moveAlone is moveAway for an env in which somebody could start: nobody can
// while it goes.
func (s *Store) moveAlone(d envdir.Dir) (trash string, err error) {
	before := s.LastUsed(d)
	s.at("prune-alone")
	lease, err := s.Exclusive(d)
	if err != nil {
		return "", err
	}
	defer lease.Release()
	if !before.IsZero() && !s.LastUsed(d).Equal(before) {
		return "", errors.New("it was started meanwhile")
	}
	return s.moveAway(d.Path)
}

// discard deletes a folder: away, under the creation lock of the key where there
// is one, looks again and moves it into the trash, where it is deleted when the
// lock is free again, so that nobody waits for that.
func (s *Store) discard(k envdir.Key, path string, away func(*Lock) (trash string, err error)) (int64, error) {
	freed, trash := ledger{}.remove(path), ""
	move := func(l *Lock) (err error) {
		trash, err = away(l)
		return err
	}
	var err error
	if k == "" {
		err = move(nil)
	} else {
		err = s.under(k, move)
	}
	if trash == "" {
		return 0, err
	}
	s.at("prune-moved")
	return freed, errors.Join(err, removeAll(trash))
}

// moveAway moves a folder into the trash, by one rename or not at all: where
// that is refused nothing of it is deleted.
func (s *Store) moveAway(path string) (string, error) {
	to := s.Root.Trash(suffix())
	if err := rename(path, to); err != nil {
		return "", fmt.Errorf("it cannot be moved: %w", err)
	}
	_ = errors.Join(s.syncParents(), syncDir(filepath.Dir(path))) // a power cut brings back all of it, or nothing
	return to, nil
}

// ledger counts the links of files that are removed: a file frees its bytes
// with its last link. uv links the files of an env to its cache, and so to other
// envs.
type ledger map[fileID]int

// remove says what is freed when all below path is removed, too.
func (l ledger) remove(path string) (freed int64) {
	regular(path, func(p string, info fs.FileInfo) bool {
		id, links := identify(p, info)
		if links > 1 {
			l[id]++
		}
		if links <= 1 || l[id] == links {
			freed += info.Size()
		}
		return true
	})
	return freed
}

// alone reports whether nothing below path has a link elsewhere, but for those
// that are removed.
func (l ledger) alone(path string) bool {
	found := true
	regular(path, func(p string, info fs.FileInfo) bool {
		id, links := identify(p, info)
		found = links-l[id] <= 1
		return found
	})
	return found
}

// regular calls do for each regular file below path until it says false.
func regular(path string, do func(string, fs.FileInfo) bool) {
	_ = filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil //nolint:nilerr // what cannot be read is not counted
		}
		info, err := e.Info()
		if err == nil && !do(p, info) {
			return fs.SkipAll
		}
		return nil
	})
}
