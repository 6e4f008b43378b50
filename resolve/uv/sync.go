package uv

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// Sync fills the venv of d with exactly what the lock says, and gives it its byte
// code, linked to that of others where it is the same. The lock stays beside the
// venv as pylock.toml, a record of what is in it.
func (u *UV) Sync(ctx context.Context, l Lock, d envdir.Dir, others []envdir.Dir, tell func(Progress)) error {
	file := filepath.Join(d.Path, "pylock.toml")
	tmp := filepath.Join(d.Path, "tmp")
	if err := errors.Join(os.WriteFile(file, l.Pylock, 0o644), os.Mkdir(tmp, 0o700)); err != nil {
		return err
	}
	err := u.sync(ctx, l, d, file, tmp, tell)
	if err == nil {
		err = u.compile(ctx, d, others, tmp)
	}
	if e := os.RemoveAll(tmp); err == nil {
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

// sync takes what lies in the cache from there without asking the index, and
// only the rest from it: of an index that sends no Cache-Control uv downloads every
// wheel again, for each env, and shares none of it with other envs. The lock's
// hashes hold for what is in the cache, too. What looks like being there and is not
// (another Python's wheel, another file of that version) costs one vain run of about 0.1 s;
// an empty cache nothing.
func (u *UV) sync(ctx context.Context, l Lock, d envdir.Dir, file, tmp string, tell func(Progress)) error {
	f := u.follow(l, d, tell)
	stop := f.watch()
	defer stop()
	from := u.from(l.index, l.torchIndex).scratch(tmp)
	run := func(v *UV, file string, flags ...string) (execx.Result, error) {
		args := append(v.common("pip", "sync", "--python", d.Python(), file), flags...)
		return v.run(ctx, d.Path, f.line, append(args, u.cfg.links()...)...)
	}
	if rest, n := l.rest(); n < len(l.Packages) && rest != "" && !u.cfg.Offline {
		if n > 0 {
			part := filepath.Join(d.Path, "pylock.rest.toml") // beside the whole: paths in it are relative
			if err := os.WriteFile(part, []byte(rest), 0o644); err != nil {
				return err
			}
			f.part = true
			res, err := run(from, part)
			f.part = false
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
			u.note(said.String())
		}
		if err != nil || res.ExitCode == 0 {
			return err
		}
		u.note("(not all of it is in uv's cache as the lock wants it: the index is asked)\n")
	}
	res, err := run(from, file, "--strict")
	if err == nil && res.ExitCode != 0 {
		err = u.failed("installing", res)
	}
	return err
}

// bundledPip is the pip wheel that a Python carries for ensurepip, "" without.
func (u *UV) bundledPip(ctx context.Context, python string) string {
	res, err := execx.Run(ctx, execx.Cmd{
		Path: python, Env: u.env, Timeout: time.Minute,
		Args: []string{"-I", "-c", "import ensurepip, glob, os; print(*glob.glob(os.path.join(os.path.dirname(ensurepip.__file__), '_bundled', 'pip-*.whl')))"},
	})
	wheel := strings.TrimSpace(string(res.Stdout))
	if err != nil || res.ExitCode != 0 || !fsys.Reachable(wheel) {
		return ""
	}
	return wheel
}
