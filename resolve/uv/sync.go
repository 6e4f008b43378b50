package uv

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/envdir"
)

// Sync installs exactly the packages of the lock into the venv of d. It also
// creates their byte code, linked to that of others where it is the same. The
// lock is kept next to the venv as pylock.toml, as a record of its content.
func (u *UV) Sync(ctx context.Context, l Lock, d envdir.Dir, others []envdir.Dir, report func(Progress)) error {
	i := installation{uv: u, lock: l, dir: d, tmp: filepath.Join(d.Path, "tmp")}
	file := d.Pylock()
	if err := errors.Join(os.WriteFile(file, l.Pylock, 0o600), os.Mkdir(i.tmp, 0o700)); err != nil {
		return err
	}
	err := i.sync(ctx, file, report)
	if err == nil {
		err = errors.Join(os.Remove(file), os.WriteFile(file, l.masked(), 0o644)) // with the mode of everything in the env
	}
	if err == nil {
		err = i.compile(ctx, others)
	}
	if e := os.RemoveAll(i.tmp); err == nil {
		err = e
	}
	if err != nil || l.Pip == "" {
		return err
	}
	res, err := u.run(ctx, d.Path, nil, u.common("pip", "install", "--no-index", "--no-deps", "--python", d.Python(), l.Pip)...)
	if err == nil && res.ExitCode != 0 {
		err = u.failed("installing pip", res)
	}
	return err
}

// installation is one Sync.
type installation struct {
	uv   *UV
	lock Lock
	dir  envdir.Dir
	tmp  string // a folder for temporary files
}

// sync installs packages that are in uv's cache from there, and asks the index
// only for the rest. Without this, uv downloads every wheel again for each env
// if the index sends no Cache-Control, and the envs share nothing. The lock's
// hashes also apply to the cache.
//
// A package can look cached although it is not usable (a wheel for another
// Python, another file of that version). That costs one failed run of about
// 0.1 s. An empty cache costs nothing.
func (i installation) sync(ctx context.Context, file string, report func(Progress)) error {
	l, d := i.lock, i.dir
	u, err := withBuildRequires(i.uv, filepath.Join(i.tmp, "uv.toml"), l.build, l.built(), l)
	if err != nil {
		return err
	}
	t := newTracker(u, l, d, report)
	stop := t.watch()
	defer stop()
	from := u.withIndexes(l.index, slices.Clone(l.indexes)...).withTempDir(i.tmp)
	run := func(v *UV, file string, flags ...string) (execx.Result, error) {
		args := slices.Concat(v.common("pip", "sync", "--python", d.Python(), file), flags, l.buildArgs(), u.cfg.findLinks())
		return v.run(ctx, d.Path, t.line, args...)
	}
	if rest, n := l.uncached(); n < len(l.Packages) && rest != "" && !u.cfg.Offline {
		if n > 0 {
			part := filepath.Join(d.Path, "pylock.rest.toml") // next to the complete lock: its paths are relative
			if err := os.WriteFile(part, []byte(rest), 0o600); err != nil {
				return err
			}
			t.partial = true
			res, err := run(from, part)
			t.partial = false
			if e := os.Remove(part); err == nil {
				err = e
			}
			if err == nil && res.ExitCode != 0 {
				err = u.failed("installing", res)
			}
			if err != nil {
				return err
			}
		}
		quiet, said := *from, bytes.Buffer{}
		quiet.cfg.Offline, quiet.cfg.Log = true, &said
		res, err := run(&quiet, file, "--strict")
		if err != nil || res.ExitCode <= 0 {
			u.log(said.String())
		}
		if err != nil || res.ExitCode == 0 {
			return err
		}
		u.log("(not all of it is in uv's cache as the lock wants it: the index is asked)\n")
	}
	res, err := run(from, file, "--strict")
	if err == nil && res.ExitCode != 0 {
		err = u.failed("installing", res)
	}
	return err
}
