// Package app holds what a sub-command works with: an [App], with the values that the
// arrows before it made, and the [Command] that declares it.
package app

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/hardware"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/store"
	"github.com/modelrun/modelrun/resolve/uv"
	"github.com/modelrun/modelrun/shim/cli"
	"github.com/modelrun/modelrun/shim/config"
	"github.com/modelrun/modelrun/shim/target"
	"github.com/modelrun/modelrun/shim/terminal"
)

// App is what a command works with. Its fields are set once. A command that only
// needs the command line has no root, no Program, no Machine and no State.
type App struct {
	Inv     cli.Invocation
	Line    cli.Line
	Env     execx.Environ // the caller's
	Config  config.Config
	UI      *terminal.UI
	Program execx.Environ   // the program's, without what the chosen env adds
	Machine *hardware.Cache // shared by all copies
	State   store.State

	table    config.Table
	readOnly bool          // the command runs nothing from a root and changes nothing
	finder   target.Finder // of Config
}

// Open makes the App of a command, with the settings that the command needs. ui gets
// its log as soon as the settings are known, so that it reports a later error in the
// form that they ask for.
func Open(inv cli.Invocation, line cli.Line, env execx.Environ, table config.Table, c Command, ui *terminal.UI) (*App, error) {
	a := &App{Inv: inv, Line: line, Env: env, UI: ui, table: table, readOnly: c.ReadOnly}
	switch c.Needs {
	case Nothing:
		return a, nil
	case Options:
		return a.loadOptions()
	case Settings, AnyRoot:
	}
	return a.load(c.Needs == AnyRoot)
}

// LoadSettings is the App with all settings and a root, for a command that asked only
// for options. An error in the settings is reported as for every other command: as
// text, whatever the options say.
func (a *App) LoadSettings() (*App, error) {
	*a.UI = *terminal.NewUI(a.UI.Streams)
	return a.load(false)
}

// loadOptions reads the command line alone: neither a root nor a file is needed.
func (a *App) loadOptions() (*App, error) {
	dir, err := config.WorkDir(a.Line.Flags, a.Env)
	if err != nil {
		return nil, err
	}
	next := *a
	if next.Config, err = config.OfFlags(next.input(dir)); err != nil {
		return nil, err
	}
	return &next, next.openLog()
}

// load reads every source of settings, and finds the root. With anyRoot a root that
// cannot be used is no error.
func (a *App) load(anyRoot bool) (*App, error) {
	dir, err := config.WorkDir(a.Line.Flags, a.Env)
	if err != nil {
		return nil, err
	}
	if err := a.Dirs().Leave(); err != nil { // or no tool of ours could start
		return nil, fault.New(fault.BadUsage, "the working directory cannot be left: %w", err).Fix("cd to a shorter folder")
	}
	next := *a
	if next.Config, err = config.Load(next.input(dir)); err != nil {
		return nil, err
	}
	if err := next.openLog(); err != nil {
		return nil, err
	}
	c := next.Config
	for _, name := range c.Unknown() {
		a.UI.Log.Warn("variable " + name + " is not one of modelrun's" + didYouMean(name, a.table))
	}
	if err := c.RootErr(); err != nil && !anyRoot {
		return nil, err
	}
	for _, line := range c.Ignored() {
		a.UI.Log.Warn(line)
	}
	if next.Program, err = programEnv(c, a.Env); err != nil {
		return nil, err
	}
	hardwareEnv := hardware.Env(a.Env, next.Program)
	id := hardware.Identify(hardwareEnv)
	next.State = store.OpenState(c.Root(), id.ID(), config.StateHome(a.Env))
	next.Machine = hardware.NewCache(id, hardwareEnv, next.State)
	next.finder = target.NewFinder(c, a.Env, next.Machine, a.UI.Log)
	return &next, nil
}

func (a *App) input(dir config.Dir) config.Input {
	return config.Input{Table: a.table, Env: a.Env, Dir: dir, Flags: a.Line.Settings(), Program: a.Line.Program}
}

// openLog gives the UI the log, the status file and the notifier of the settings.
func (a *App) openLog() error {
	c := a.Config
	file := c.Value("log_file")
	log, err := terminal.NewLog(terminal.LogOptions{
		Level: c.String("log_level"), Format: c.String("log_format"), File: file.Text, FileFrom: file.From,
	}, a.UI.Streams)
	if err != nil {
		return err
	}
	silent := max(c.Duration("create_timeout"), health.ProbeLimit) // a check says only that it has begun
	notify := terminal.NewNotifier(a.Env.Get("NOTIFY_SOCKET"), silent, func(line string) { log.Debug(line) })
	a.UI.Use(log, terminal.NewStatus(c.String("status_file"), log), notify)
	return nil
}

func didYouMean(variable string, t config.Table) string {
	if near := fault.Nearest(variable, t.Variables()); near != "" {
		return ", did you mean " + near + "?"
	}
	return ""
}

// WithConfig is a copy with other settings, such as those of another model. It shares
// the root and the hardware.
func (a *App) WithConfig(c config.Config) *App {
	next := *a
	next.Config, next.finder = c, target.NewFinder(c, a.Env, a.Machine, a.UI.Log)
	return &next
}

// Silent is a copy that logs nothing.
func (a *App) Silent() *App {
	next := *a
	next.UI = a.UI.Silent()
	next.finder = target.NewFinder(a.Config, a.Env, a.Machine, next.UI.Log)
	return &next
}

// AsReadOnly is a copy that runs nothing from the root and changes nothing.
func (a *App) AsReadOnly() *App {
	next := *a
	next.readOnly = true
	return &next
}

// Finder finds what to start in. It reads the root's profiles once.
func (a *App) Finder() target.Finder { return a.finder }

// Store is the root's.
func (a *App) Store() *store.Store {
	return &store.Store{Root: a.Config.Root(), Failpoint: a.Inv.Failpoint}
}

// Deps are what the chain of one target works with.
func (a *App) Deps(t target.Target) *resolve.Deps {
	caller := &caller{app: a, target: t, progress: a.UI.Progress(string(t.Key))}
	return &resolve.Deps{
		Store: a.Store(),
		Check: &health.Checker{
			State: a.State, Machine: a.Machine.Machine, Identity: a.Machine.Identity(), Env: a.Program,
			Cwd: a.Config.Base(), BootID: store.BootID, Notify: caller.Checking,
		},
		Log:      a.UI.Log,
		Caller:   caller,
		Owners:   a.Config.List("trusted_owners"),
		Version:  a.Inv.Version,
		RootFrom: a.Config.RootFrom(),
	}
}

// UVConfig says how uv is driven. Where the command only looks, uv writes nothing, and
// only a uv of the root that no other user could have written is run.
func (a *App) UVConfig(log io.Writer, heartbeat func()) uv.Config {
	self, err := os.Executable()
	if err != nil {
		self = ""
	}
	c := a.Config
	return uv.Config{
		Root: c.Root(), Env: a.Env, Override: c.String("uv"), BesideDir: filepath.Dir(self),
		Offline: c.Bool("offline"), IndexDefault: c.String("index.default"), IndexTorch: c.String("index.torch"),
		FindLinks: c.List("index.find_links"), Log: log, Heartbeat: heartbeat, NoCache: a.readOnly, Owners: c.List("trusted_owners"),
	}
}

// CheckTrusted refuses a path that another user could have written. A path that does not
// exist is trusted.
func (a *App) CheckTrusted(path string) error {
	err := fsys.Trusted(path, a.Config.List("trusted_owners"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Dirs keeps junctions to folders with names that are too long, in a short folder of
// the user's.
func (a *App) Dirs() execx.Dirs {
	return execx.Dirs{Links: config.Under(a.Env.Get("LOCALAPPDATA"), "modelrun", "j"), Limit: a.Inv.MaxDir}
}

// Hint is a command of ours for the same root, to be pasted.
func (a *App) Hint(command string) string { return "modelrun" + a.finder.RootOption() + " " + command }

// Remember keeps the hardware, and notes once that a model uses an env, so that
// `list` can show it. In a root that cannot be written it does nothing.
func (a *App) Remember(t target.Target, req *resolve.Request, res *resolve.Resolution) {
	a.KeepHardware()
	if req.Model.ID == "" || res.Degraded {
		return
	}
	if err := a.Store().Catalogue().NoteModel(res.Dir, req.Model.ID, cmp.Or(t.Model.Hub, t.Model.Path)); err != nil {
		a.UI.Log.Debug("noting the model: " + err.Error())
	}
}

// KeepHardware caches the hardware that was detected. A command calls it once all
// else went well: bad input leaves nothing behind.
func (a *App) KeepHardware() {
	if err := a.Machine.Keep(); err != nil {
		a.UI.Log.Debug("keeping the hardware: " + err.Error())
	}
}
