package prune

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/store"
	"github.com/modelrun/modelrun/resolve/usage"
)

// This file plans the removal of small things. None of them is an env.

// file plans to remove a file.
func (p *planner) file(kind Kind, name, path, why string) {
	p.add(kind, name, path, why, func() (int64, error) {
		freed := usage.Ledger{}.Remove(path)
		err := os.Remove(path)
		if errors.Is(err, fs.ErrNotExist) {
			return 0, nil
		}
		return freed, err
	})
}

// logs plans to remove all logs except the newest ones, and the logs of keys that
// are gone.
func (p *planner) logs() {
	entries := p.entries(p.Root.Logs())
	surplus := map[string]bool{}
	for _, name := range store.SurplusLogs(entries) {
		surplus[name] = true
	}
	for _, e := range entries {
		path := filepath.Join(p.Root.Logs(), e.Name())
		k, at, ok := envdir.ParseLog(e.Name())
		switch {
		case !ok || !e.Type().IsRegular():
			if !envdir.ParseTemp(e.Name()) {
				p.keep(path, notOurs)
			}
		case p.open[k]:
		case surplus[e.Name()]:
			p.file(Log, string(k), path, "older than the last 10")
		case p.gone(k) && time.Since(at) > forgetAfter:
			p.file(Log, string(k), path, "there is no such environment")
		}
	}
}

// gone reports whether a key has no env.
func (p *planner) gone(k envdir.Key) bool {
	return !fsys.Exists(p.Root.Shared(k).Path) && !fsys.Exists(p.Root.Next(k).Path)
}

// temps plans to remove temporary files that were left behind, and interrupted
// installations of uv.
func (p *planner) temps() {
	dirs := []string{p.Root.Locks(), p.Root.Tmp(), p.Root.Logs(), filepath.Dir(p.Root.Files("").Constraints())}
	for _, top := range []string{p.Root.State().Dir(), p.Root.State().Models()} {
		for _, e := range p.entries(top) {
			if e.IsDir() {
				dirs = append(dirs, filepath.Join(top, e.Name()))
			}
		}
	}
	for _, dir := range dirs {
		for _, e := range p.entries(dir) {
			if envdir.ParseTemp(e.Name()) && e.Type().IsRegular() && store.Stale(e) {
				p.file(Temp, "", filepath.Join(dir, e.Name()), "writing it was cut off")
			}
		}
	}
	for _, e := range p.entries(p.Root.Tools().Dir()) {
		if strings.HasPrefix(e.Name(), ".new-") && e.IsDir() && store.Stale(e) {
			path := filepath.Join(p.Root.Tools().Dir(), e.Name())
			p.add(Temp, "", path, "installing uv was cut off", func() (int64, error) { return p.scrap(path) })
		}
	}
}

// advice plans to remove notes about creations: owner files whose owner is gone,
// and failures of keys without an env.
func (p *planner) advice() {
	for _, e := range p.entries(p.Root.Locks()) {
		path := filepath.Join(p.Root.Locks(), e.Name())
		name, owner := strings.CutSuffix(e.Name(), filepath.Base(p.Root.Files("").Owner()))
		name, failure := strings.CutSuffix(name, filepath.Base(p.Root.Files("").Failure()))
		k, err := envdir.ParseKey(name)
		if err != nil || !owner && !failure || p.open[k] {
			continue
		}
		busy, lockless, err := p.Creation(k).LockState()
		if err != nil || busy || lockless && !store.Stale(e) {
			continue
		}
		why := "its creator is gone"
		if failure {
			why = "there is no such environment"
			if info, err := e.Info(); err != nil || !p.gone(k) || time.Since(info.ModTime()) < forgetAfter {
				continue
			}
		}
		p.add(Advice, string(k), path, why, func() (freed int64, err error) {
			err = p.under(k, func(l *store.Lock) error {
				if l.Lockless() && !store.Stale(e) || failure && !p.gone(k) {
					return nil
				}
				freed = usage.Ledger{}.Remove(path)
				return fsys.RemoveAll(path)
			})
			return freed, err
		})
	}
}

// scrap deletes a folder that is not an env and needs no lock.
func (r remover) scrap(path string) (int64, error) {
	return r.discard("", path, func(*store.Lock) (string, error) { return r.MoveToTrash(path) })
}

// isMachine reports whether a folder's name is that of a machine.
func isMachine(name string) bool {
	return len(name) == 12 && strings.Trim(name, "0123456789abcdef") == ""
}

// states plans to remove the verdicts of other machines, and the models of envs
// that are gone.
func (p *planner) states() {
	remove := func(name, path, why string) {
		p.add(State, name, path, why, func() (int64, error) { return p.scrap(path) })
	}
	for _, e := range p.entries(p.Root.State().Dir()) {
		path := filepath.Join(p.Root.State().Dir(), e.Name())
		if !isMachine(e.Name()) || !e.IsDir() || e.Name() == p.want.Machine {
			continue
		}
		if last := newest(path); time.Since(last) > otherMachines {
			remove(e.Name(), path, "another machine's or driver's, untouched since "+last.Format(time.DateOnly))
		}
	}
	for _, e := range p.entries(p.Root.State().Models()) {
		path := filepath.Join(p.Root.State().Models(), e.Name())
		k, err := envdir.ParseKey(e.Name())
		if e.IsDir() && (err != nil || p.gone(k)) && !fsys.Exists(p.Root.Old(envdir.ID(e.Name())).Path) && time.Since(newest(path)) > forgetAfter {
			remove(e.Name(), path, "there is no such environment")
		}
	}
}

// newest returns the time of the last write to anything in a folder.
func newest(dir string) (last time.Time) {
	if info, err := os.Stat(dir); err == nil {
		last = info.ModTime()
	}
	fsys.EachFile(dir, func(_ string, info fs.FileInfo) bool {
		if info.ModTime().After(last) {
			last = info.ModTime()
		}
		return true
	})
	return last
}

// junctions plans to remove junctions, the short names that Windows needs for long
// working directories.
func (p *planner) junctions() {
	links, err := p.want.Links.List()
	if err != nil {
		p.keep(p.want.Links.Links, err.Error())
	}
	for _, l := range links {
		why := ""
		switch {
		case l.Target == "" || !fsys.Exists(l.Target):
			why = "what it leads to is gone"
		case time.Since(l.Used) > linkAfter:
			why = "not used since " + l.Used.Format(time.DateOnly)
		default:
			continue
		}
		p.plan.Items = append(p.plan.Items, Item{Junction, "", l.Path, why, 0, func() (int64, error) { return 0, p.want.Links.Remove(l) }})
	}
}
