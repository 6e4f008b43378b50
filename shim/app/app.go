// Package app holds the working state of a sub-command: an [App], with the values
// that the earlier steps of the command made, and the [Command] that declares the
// sub-command.
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

// App is the working state of one command. Its fields are set once. A command that
// needs only the command line has no root, no Program, no Machine and no State.
type App struct {
	Inv     cli.Invocation  // everything from outside
	Line    cli.Line        // the parsed command line
	Env     execx.Environ   // the caller's variables
	Config  config.Config   // the settings and the root
	UI      *terminal.UI    // for all output
	Table   config.Table    // all settings that there are
	Program execx.Environ   // the program's variables, without those that the chosen env adds
	Machine *hardware.Cache // shared by all copies of the App
	State   store.State     // this machine's cached verdicts and hardware

	readOnly bool          // the command runs nothing from a root and changes nothing
	finder   target.Finder // made from Config
}

// Open makes the App of a command, with the settings that the command needs. It
// gives ui its log as soon as the settings are known. From then on, ui reports
// errors in the format that the settings ask for.
func Open(inv cli.Invocation, line cli.Line, env execx.Environ, table config.Table, c Command, ui *terminal.UI) (*App, error) {
	a := &App{Inv: inv, Line: line, Env: hardware.Undo(env), UI: ui, Table: table, readOnly: c.ReadOnly}
	if c.Needs == Nothing {
		return a, nil
	}
	return a.load(c.Needs == AnyRoot)
}

// LoadSettings returns the App with all settings and a root. It is for a command that
// needs them only sometimes.
func (a *App) LoadSettings() (*App, error) { return a.load(false) }

// LoadOptions returns the App with the settings of the command line alone. It needs no
// root and no file, and writes no status file.
func (a *App) LoadOptions() (*App, error) {
	dir, err := config.WorkDir(a.Line.Flags, a.Env)
	if err != nil {
		return nil, err
	}
	next := *a
	if next.Config, err = config.OfFlags(next.input(dir)); err != nil {
		return nil, err
	}
	log, err := next.openLog()
	if err != nil {
		return nil, err
	}
	next.UI.Use(log, nil, nil)
	return &next, nil
}

// load reads every source of settings, and finds the root. With anyRoot, an
// unusable root is not an error.
func (a *App) load(anyRoot bool) (*App, error) {
	dir, err := config.WorkDir(a.Line.Flags, a.Env)
	if err != nil {
		return nil, err
	}
	if err := a.Dirs().Leave(); err != nil { // otherwise none of our tools could start
		return nil, fault.New(fault.BadUsage, "the working directory cannot be left: %w", err).Fix("cd to a shorter folder")
	}
	next := *a
	if next.Config, err = config.Load(next.input(dir)); err != nil {
		return nil, err
	}
	if err := next.openOutput(); err != nil {
		return nil, err
	}
	c := next.Config
	for _, name := range c.Unknown() {
		a.UI.Log.Warn("variable " + name + " is not one of modelrun's" + didYouMean(name, a.Table))
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
	next.finder = target.NewFinder(c, a.Env, next.Program, next.Machine, a.UI.Log)
	return &next, nil
}

func (a *App) input(dir config.Dir) config.Input {
	return config.Input{Table: a.Table, Env: a.Env, Dir: dir, Flags: a.Line.Settings(), Program: a.Line.Program}
}

// openOutput opens the log, the status file and the notifier that the settings ask
// for, and passes them to the UI.
func (a *App) openOutput() error {
	log, err := a.openLog()
	if err != nil {
		return err
	}
	c := a.Config
	silent := max(c.Duration("create_timeout"), health.ProbeLimit) // a check reports only that it has begun
	notify := terminal.NewNotifier(a.Env.Get("NOTIFY_SOCKET"), silent, func(line string) { log.Debug(line) })
	a.UI.Use(log, terminal.NewStatus(c.String("status_file"), log), notify)
	return nil
}

func (a *App) openLog() (*terminal.Log, error) {
	file := a.Config.Value("log_file")
	return terminal.NewLog(terminal.LogOptions{
		Level: a.Config.String("log_level"), Format: a.Config.String("log_format"), File: file.Text, FileFrom: file.From,
	}, a.UI.Streams)
}

func didYouMean(variable string, t config.Table) string {
	if near := fault.Nearest(variable, t.Variables()); near != "" {
		return ", did you mean " + near + "?"
	}
	return ""
}

// WithConfig returns a copy with other settings, such as those of another model.
// The copy shares the root and the hardware.
func (a *App) WithConfig(c config.Config) *App {
	next := *a
	next.Config, next.finder = c, target.NewFinder(c, a.Env, a.Program, a.Machine, a.UI.Log)
	return &next
}

// Silent returns a copy that logs nothing.
func (a *App) Silent() *App {
	next := *a
	next.UI = a.UI.Silent()
	next.finder = target.NewFinder(a.Config, a.Env, a.Program, a.Machine, next.UI.Log)
	return &next
}

// AsReadOnly returns a copy that runs nothing from the root and changes nothing.
func (a *App) AsReadOnly() *App {
	next := *a
	next.readOnly = true
	return &next
}

// Finder returns the finder of targets. All its copies read the root's profiles
// only once.
func (a *App) Finder() target.Finder { return a.finder }

// Store returns the store of the root.
func (a *App) Store() *store.Store {
	return &store.Store{Root: a.Config.Root(), Failpoint: a.Inv.Failpoint}
}

// Deps returns the dependencies of the chain for one target.
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

// UVConfig returns the settings for uv. In a read-only command uv writes nothing,
// and modelrun runs a uv from the root only if no other user could have written it.
func (a *App) UVConfig(log io.Writer, heartbeat func()) uv.Config {
	self, err := os.Executable()
	if err != nil {
		self = ""
	}
	c := a.Config
	return uv.Config{
		Root: c.Root(), Env: a.Env, Override: c.String("uv"), BesideDir: filepath.Dir(self),
		Offline: c.Bool("offline"), Cooldown: c.Age("cooldown"), IndexDefault: c.String("index.default"), IndexExtra: c.List("index.extra"), IndexTorch: c.String("index.torch"),
		FindLinks: c.List("index.find_links"), Log: log, Heartbeat: heartbeat, NoCache: a.readOnly, Owners: c.List("trusted_owners"),
	}
}

// CheckTrusted returns an error for a path that another user could have written. A
// path that does not exist is trusted.
func (a *App) CheckTrusted(path string) error {
	err := fsys.Trusted(path, a.Config.List("trusted_owners"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Dirs returns the helper for folders whose names are too long for the system. It
// keeps its junctions in a short folder of the user's.
func (a *App) Dirs() execx.Dirs {
	return execx.Dirs{Links: config.Under(a.Env.Get("LOCALAPPDATA"), "modelrun", "j"), Limit: a.Inv.MaxDir}
}

// Hint returns a command line of modelrun for the same root, for the user to paste.
func (a *App) Hint(command string) string { return "modelrun" + a.finder.RootOption() + " " + command }

// Remember caches the hardware. It also notes, once, which model uses the env, so
// that `list` can show it. In a read-only root it does nothing.
func (a *App) Remember(t target.Target, req *resolve.Request, res *resolve.Resolution) {
	a.KeepHardware()
	if req.Model.ID == "" || res.Degraded {
		return
	}
	if err := a.Store().Catalogue().NoteModel(res.Dir, req.Model.ID, cmp.Or(t.Model.Hub, t.Model.Real)); err != nil {
		a.UI.Log.Debug("noting the model: " + err.Error())
	}
}

// KeepHardware caches the detected hardware. A command calls it after everything
// else has succeeded, so that bad input leaves nothing behind.
func (a *App) KeepHardware() {
	if err := a.Machine.Keep(); err != nil {
		a.UI.Log.Debug("keeping the hardware: " + err.Error())
	}
}
