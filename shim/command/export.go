package command

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/pylock"
	"github.com/modelrun/modelrun/shim/app"
	"github.com/modelrun/modelrun/shim/cli"
)

// ExportOptions are the options of `modelrun export`.
type ExportOptions struct {
	Key    string `arg:"" name:"key" help:"The env key."`
	Output string `short:"o" placeholder:"FILE" help:"Write to FILE, such as pylock.toml, instead of stdout."`
}

// exportCommand declares `modelrun export`.
func exportCommand() app.Command {
	var o ExportOptions
	return app.Command{
		Sub: cli.Sub{
			Name: "export",
			Help: "Print the lock of an environment: every version, file and hash.",
			Examples: `The lock is a pylock.toml (PEP 751) for this platform and one Python version.

  modelrun export torch-cpu-transformers -o pylock.toml
  modelrun --lock pylock.toml -m models/llama -- python serve.py
  uv pip sync pylock.toml`,
			Options: &o,
		},
		ReadOnly: true,
		Run:      func(_ context.Context, a *app.App) error { return Export(a, o) },
	}
}

// lockName is the name that PEP 751 wants.
var lockName = regexp.MustCompile(`^pylock(\.[^.]+)?\.toml$`)

// Export prints the lock of the environment that a key stands for, without secrets. It says what was changed
// by hand, because that is not in the lock.
func Export(a *app.App, o ExportOptions) error {
	key, err := envdir.ParseKey(o.Key)
	if err != nil {
		return err
	}
	dir, err := sharedEnv(a, key)
	if err != nil {
		return err
	}
	text, err := exported(a, dir)
	if err != nil {
		return err
	}
	if drift := health.DriftOf(dir); drift.Changed {
		a.UI.Log.Warn(fmt.Sprintf("%s was changed by hand, and the lock has none of that: %s", key, strings.Join(drift.Changes, ", ")))
	}
	if o.Output == "" {
		_, err := a.UI.Plain().Write(text)
		return err
	}
	path := a.Config.Abs(o.Output)
	if !lockName.MatchString(filepath.Base(path)) {
		a.UI.Log.Warn("uv and pip want a lock to be called pylock.toml or pylock.NAME.toml")
	}
	if dir := filepath.Dir(path); fsys.IsDir(dir) {
		err = fsys.WriteFile(path, text)
	} else {
		err = fmt.Errorf("%s is no folder", dir)
	}
	if err != nil {
		return fault.New(fault.BadUsage, "%s cannot be written: %w", path, err).Fix("name a file in a folder of yours: -o pylock.toml")
	}
	return nil
}

// sharedEnv returns the environment of a key: the one that waits in .next, which is used first, or the
// published one.
func sharedEnv(a *app.App, key envdir.Key) (envdir.Dir, error) {
	root := a.Config.Root()
	for _, dir := range []envdir.Dir{root.Next(key), root.Shared(key)} {
		if fsys.Exists(dir.Path) {
			return dir, a.CheckTrusted(dir.Path)
		}
	}
	e := fault.New(fault.NoEnv, "there is no environment %s in %s", key, root.Envs())
	switch near := fault.Nearest(string(key), a.Finder().KeysHere()); near {
	case "":
		return envdir.Dir{}, e.Fix("%s", a.Hint("list"))
	case string(key): // it is defined, and not made yet
		return envdir.Dir{}, e.Fix("%s", a.Hint("ensure --env "+fault.Quote(string(key))))
	default:
		return envdir.Dir{}, e.Fix("did you mean %s?", near)
	}
}

// exported returns the lock of an environment.
func exported(a *app.App, dir envdir.Dir) ([]byte, error) {
	failed := func(format string, args ...any) error {
		return fault.New(fault.NoEnv, "%s has no lock: "+format, append([]any{dir.Name}, args...)...).Fix("%s", a.Hint("ensure --rebuild --env "+dir.Name))
	}
	seal, sealed, err := health.ReadSeal(dir)
	if err != nil {
		return nil, err
	}
	if !sealed {
		return nil, failed("nothing says for which Python it was made")
	}
	text, err := fsys.ReadFile(dir.Pylock(), pylock.MaxSize)
	if err != nil {
		return nil, failed("%w", err)
	}
	file, err := pylock.Parse(text)
	if err != nil {
		return nil, failed("%s: %w", dir.Pylock(), err)
	}
	return file.Export(dir.Name, seal.Python.Version, pylock.Here())
}
