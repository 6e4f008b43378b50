package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/modelrun/modelrun/resolve/envdir"
)

// This file is about what is small: nothing in it is an env.

// file plans to remove a file.
func (p *pruner) file(kind PruneKind, name, path, why string) {
	p.add(kind, name, path, why, func() (int64, error) {
		freed := ledger{}.remove(path)
		err := os.Remove(path)
		if errors.Is(err, fs.ErrNotExist) {
			return 0, nil
		}
		return freed, err
	})
}

// logs are those beyond the newest, and those of keys that are gone.
func (p *pruner) logs() {
	entries := p.entries(p.Root.Logs())
	surplus := map[string]bool{}
	for _, name := range surplusLogs(entries, keptLogs) {
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
			p.file(PruneLog, string(k), path, "older than the last 10")
		case p.gone(k) && time.Since(at) > forgetAfter:
			p.file(PruneLog, string(k), path, "there is no such environment")
		}
	}
}

// gone reports whether a key has no env.
func (p *pruner) gone(k envdir.Key) bool {
	return !exists(p.Root.Shared(k).Path) && !exists(p.Root.Next(k).Path)
}

// temps are files that were never finished, and a uv whose installation was
// not.
func (p *pruner) temps() {
	dirs := []string{p.Root.Locks(), p.Root.Tmp(), p.Root.Logs(), filepath.Dir(p.Root.Constraints(""))}
	for _, top := range []string{p.Root.States(), p.Root.Models()} {
		for _, e := range p.entries(top) {
			if e.IsDir() {
				dirs = append(dirs, filepath.Join(top, e.Name()))
			}
		}
	}
	for _, dir := range dirs {
		for _, e := range p.entries(dir) {
			if envdir.ParseTemp(e.Name()) && e.Type().IsRegular() && stale(e) {
				p.file(PruneTemp, "", filepath.Join(dir, e.Name()), "writing it was cut off")
			}
		}
	}
	for _, e := range p.entries(p.Root.Tools()) {
		if strings.HasPrefix(e.Name(), ".new-") && e.IsDir() && stale(e) {
			path := filepath.Join(p.Root.Tools(), e.Name())
			p.add(PruneTemp, "", path, "installing uv was cut off", func() (int64, error) { return p.scrap(path) })
		}
	}
}

// advice is what is said about creations: an owner who is gone, a failure of a
// key without an env.
func (p *pruner) advice() {
	for _, e := range p.entries(p.Root.Locks()) {
		path := filepath.Join(p.Root.Locks(), e.Name())
		name, owner := strings.CutSuffix(e.Name(), filepath.Base(p.Root.Owner("")))
		name, failure := strings.CutSuffix(name, filepath.Base(p.Root.Failure("")))
		k, err := envdir.ParseKey(name)
		if err != nil || !owner && !failure || p.open[k] {
			continue
		}
		busy, lockless, err := p.look(k)
		if err != nil || busy || lockless && !stale(e) {
			continue
		}
		why := "its creator is gone"
		if failure {
			why = "there is no such environment"
			if info, err := e.Info(); err != nil || !p.gone(k) || time.Since(info.ModTime()) < forgetAfter {
				continue
			}
		}
		p.add(PruneAdvice, string(k), path, why, func() (freed int64, err error) {
			err = p.under(k, func(l *Lock) error {
				if l.lockless && !stale(e) || failure && !p.gone(k) {
					return nil
				}
				freed = ledger{}.remove(path)
				return removeAll(path)
			})
			return freed, err
		})
	}
}

// scrap deletes a folder that is no env and that nobody has to be kept from.
func (s *Store) scrap(path string) (int64, error) {
	return s.discard("", path, func(*Lock) (string, error) { return s.moveAway(path) })
}

var machineName = regexp.MustCompile(`^[0-9a-f]{12}$`)

// states are verdicts of other machines, and the models of envs that are gone.
func (p *pruner) states() {
	remove := func(name, path, why string) {
		p.add(PruneState, name, path, why, func() (int64, error) { return p.scrap(path) })
	}
	for _, e := range p.entries(p.Root.States()) {
		path := filepath.Join(p.Root.States(), e.Name())
		if !machineName.MatchString(e.Name()) || !e.IsDir() || e.Name() == p.want.Machine {
			continue
		}
		if last := newest(path); time.Since(last) > otherMachines {
			remove(e.Name(), path, "another machine's or driver's, untouched since "+last.Format(time.DateOnly))
		}
	}
	for _, e := range p.entries(p.Root.Models()) {
		path := filepath.Join(p.Root.Models(), e.Name())
		k, err := envdir.ParseKey(e.Name())
		if e.IsDir() && (err != nil || p.gone(k)) && !exists(p.Root.Old(envdir.ID(e.Name())).Path) && time.Since(newest(path)) > forgetAfter {
			remove(e.Name(), path, "there is no such environment")
		}
	}
}

// newest is when something in a folder was last written.
func newest(dir string) (last time.Time) {
	if info, err := os.Stat(dir); err == nil {
		last = info.ModTime()
	}
	regular(dir, func(_ string, info fs.FileInfo) bool {
		if info.ModTime().After(last) {
			last = info.ModTime()
		}
		return true
	})
	return last
}

// junctions are names of long working directories, which Windows needs.
func (p *pruner) junctions() {
	links, err := p.want.Links.List()
	if err != nil {
		p.keep(p.want.Links.Links, err.Error())
	}
	for _, l := range links {
		why := ""
		switch {
		case l.Target == "" || !exists(l.Target):
			why = "what it leads to is gone"
		case time.Since(l.Used) > linkAfter:
			why = "not used since " + l.Used.Format(time.DateOnly)
		default:
			continue
		}
		p.plan.Items = append(p.plan.Items, PruneItem{PruneJunction, "", l.Path, why, 0, func() (int64, error) { return 0, p.want.Links.Remove(l) }})
	}
}
