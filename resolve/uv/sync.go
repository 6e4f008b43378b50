package uv

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/envdir"
)

// Sync fills the venv of d with exactly what the lock says, compiled to byte
// code: an env that cannot be written later never gets any. The lock stays
// beside the venv as pylock.toml, a record of what is in it.
func (u *UV) Sync(ctx context.Context, l Lock, d envdir.Dir, tell func(Progress)) error {
	file := filepath.Join(d.Path, "pylock.toml")
	if err := os.WriteFile(file, l.Pylock, 0o644); err != nil {
		return err
	}
	if err := u.sync(ctx, l, d, file, tell); err != nil || l.Pip == "" {
		return err
	}
	res, err := u.run(ctx, d.Path, nil, u.common("pip", "install", "--no-index", "--no-deps", "--python", d.Python(), l.Pip)...)
	if err == nil && res.ExitCode != 0 {
		err = u.failed("installing pip", res)
	}
	return err
}

func (u *UV) sync(ctx context.Context, l Lock, d envdir.Dir, file string, tell func(Progress)) error {
	f := u.follow(l, d, tell)
	stop := f.watch()
	defer stop()
	args := u.common("pip", "sync", "--strict", "--compile-bytecode", "--python", d.Python(), file)
	tmp := filepath.Join(d.Path, "tmp")
	if err := os.Mkdir(tmp, 0o700); err != nil {
		return err
	}
	res, err := u.from(l.index, l.torchIndex).scratch(tmp).run(ctx, d.Path, f.line, append(args, u.cfg.links()...)...)
	if e := os.RemoveAll(tmp); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	if res.ExitCode != 0 {
		return u.failed("installing", res)
	}
	return nil
}

// bundledPip is the pip wheel that a Python carries for ensurepip, "" without.
func (u *UV) bundledPip(ctx context.Context, python string) string {
	res, err := execx.Run(ctx, execx.Cmd{
		Path: python, Env: u.env, Timeout: time.Minute,
		Args: []string{"-I", "-c", "import ensurepip, glob, os; print(*glob.glob(os.path.join(os.path.dirname(ensurepip.__file__), '_bundled', 'pip-*.whl')))"},
	})
	wheel := strings.TrimSpace(string(res.Stdout))
	if err != nil || res.ExitCode != 0 || !exists(wheel) {
		return ""
	}
	return wheel
}
