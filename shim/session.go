package shim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/hardware"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/store"
	"github.com/modelrun/modelrun/resolve/uv"
)

// parse reads options and sub-commands with kong.
func (s *session) parse() (err error) {
	if len(s.inv.Args) == 0 {
		return noCommand()
	}
	if s.inv.Args[0] == completeWord {
		s.words.sub = completeWord
		return s.complete(s.inv.Args[1:])
	}
	s.cli, s.words, err = parse(s.inv.Args, s.inv.Stdout, s.stderr)
	if err != nil && s.calledBy != "" && !errors.Is(err, errHelp) {
		return fault.New(fault.BadConfig, "%s: %w", s.calledBy, err).Fix("correct its options: modelrun --help")
	}
	if err != nil {
		return err
	}
	if s.cli.ShowVersion {
		s.words.sub = "version"
	}
	switch what := &s.cli.Migrate.What; s.cli.Model {
	case "": // the root is looked for upward of it, too
		s.cli.Model = *what
	case *what:
		*what = "" // said twice: it is the model
	}
	switch s.words.sub {
	case "completion":
		err = s.completion()
	case "version":
		_, err = fmt.Fprintf(s.inv.Stdout, "modelrun %s\n", s.inv.Version)
	}
	return err
}

func noCommand() error {
	return fault.New(fault.BadUsage, "no command is given").
		Fix("modelrun -- python script.py   # or: modelrun --help")
}

// settle reads the settings from everywhere and finds the root.
func (s *session) settle() error {
	base, moved, err := s.changeDir()
	if err != nil {
		return err
	}
	if err := s.dirs().Leave(); err != nil { // or no tool of ours could start
		return fault.New(fault.BadUsage, "the working directory cannot be left: %w", err).Fix("cd to a shorter folder")
	}
	s.scriptFile = scriptOf(s.words.program)
	s.set = defaults(base)
	if err := s.set.load(s.env, s.scriptFile); err != nil {
		return err
	}
	unknown, err := s.set.variables(s.env)
	if err != nil {
		return err
	}
	s.unnamed = s.set.one[sModel]
	if err := s.set.flags(s.cli.flags); err != nil {
		return err
	}
	s.set.familyFirst()
	if err := s.set.readNeeds(); err != nil {
		return err
	}
	if moved != "" { // it acted already; a relative one must not act twice, nor a file's undo it
		s.set.one[sCwd] = setting{value: base, from: moved}
	}
	if err := s.set.onDisk(); err != nil {
		return err
	}
	if s.log, s.people, err = newLog(s.set, s.stderr, s.env); err != nil {
		return err
	}
	for _, name := range unknown {
		s.log.Warn("variable " + name + " is not one of modelrun's" + didYouMean(name))
	}
	s.status = &status{path: s.set.get(sStatusFile), log: s.log}
	s.notify = &notifier{
		socket: s.env.Get("NOTIFY_SOCKET"), silent: max(s.set.time(sCreateTimeout), health.ProbeLimit), // a check says only that it has begun
		debug: func(line string) { s.log.Debug(line) },
	}
	if s.root, s.rootFrom, err = findRoot(s.set, s.env, s.scriptFile); err != nil {
		if s.words.sub != "doctor" { // it says so in its table
			return err
		}
		s.rootErr = err
	}
	s.set.outside(string(s.root))
	for _, line := range s.set.ignored {
		s.log.Warn(line)
	}
	if s.programEnv, err = s.set.programEnv(s.env); err != nil {
		return err
	}
	s.dry = s.words.look() || s.words.sub == "migrate" && !s.cli.Migrate.Yes
	s.hardwareEnv = hardware.Env(s.env, s.programEnv)
	s.identity = hardware.Identify(s.hardwareEnv)
	s.state = store.OpenState(s.root, s.identity.ID(), stateHome(s.env))
	return nil
}

func didYouMean(variable string) string {
	var names []string
	for i := range specs {
		names = append(names, specs[i].variable)
	}
	if near := nearest(variable, names); near != "" {
		return ", did you mean " + near + "?"
	}
	return ""
}

// changeDir is -C: it acts first, as in git, so that every relative path on the
// command line and every search upward starts there. from is who said it; ""
// nobody.
func (s *session) changeDir() (dir, from string, err error) {
	cwd, err := os.Getwd()
	if err != nil {
		return "", "", fault.New(fault.BadUsage, "the working directory is gone: %w", err).Fix("cd to a folder that exists")
	}
	dir, from = s.cli.Cwd, "-C"
	if dir == "" {
		dir, from = s.env.Get("MODELRUN_CWD"), "variable MODELRUN_CWD"
	}
	cwd = execx.Plain(cwd)
	if dir == "" {
		return cwd, "", nil
	}
	if err := checkName(sCwd, dir, from); err != nil {
		return "", "", err
	}
	dir = absolute(dir, cwd)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return "", "", fault.New(fault.BadUsage, "%s: %s is not a folder", from, dir).Fix("name a folder that exists")
	}
	return dir, from, nil
}

// resolve asks the chain of a launch.
func (s *session) resolve(ctx context.Context, req *resolve.Request) (*resolve.Resolution, error) {
	stop := s.console.watch()
	res, trace, err := resolve.Default(s.deps()).Resolve(ctx, req)
	stop()
	s.status.trace = trace
	s.traced(trace)
	if err != nil {
		return nil, err
	}
	for _, warning := range res.Verdict.Warnings {
		s.log.Warn(warning)
	}
	s.console.close(res.Degraded, s.set.get(sLogFile) != "")
	return res, nil
}

// traced says each turn of the chain at debug.
func (s *session) traced(trace []resolve.Attempt) {
	if !s.log.IsDebug() {
		return
	}
	for _, t := range trace {
		s.log.Debug(fmt.Sprintf("strategy %s: %s: %s (%s)", t.Strategy, t.Outcome, t.Reason, t.Took.Round(10e3)))
	}
}

// deps wires the packages together.
func (s *session) deps() *resolve.Deps {
	ask := caller{s, newDisplay(s)}
	return &resolve.Deps{
		Store: &store.Store{Root: s.root, Step: s.inv.Step},
		Check: &health.Checker{
			State: s.state, Machine: s.machine, Identity: s.identity, Env: s.programEnv,
			Cwd: s.set.base, BootID: store.BootID(), Notify: ask.Checking,
		},
		Log: s.log, Caller: ask, Owners: s.set.list(sTrustedOwners), Version: s.inv.Version, RootFrom: s.rootFrom,
	}
}

// caller answers the chain for one session and its target.
type caller struct {
	s    *session
	show *display
}

func (c caller) Plan(ctx context.Context, _ *resolve.Request) (profile.Plan, error) {
	t := c.s.wanted
	plan, err := c.s.plan(ctx, t)
	if t.key != t.base {
		plan = plan.WithExtras(t.with)
	}
	plan.Key = t.key
	return plan, err
}

func (c caller) Compatible(ctx context.Context, req *resolve.Request, have []envdir.Key) (out []resolve.Alternative) {
	t := c.s.wanted
	if t.key != t.base { // the env of the key itself, when it has what is needed
		out = append(out, resolve.Alternative{Key: t.base, Accel: t.accel, Imports: req.Imports})
	}
	if t.canonical && !t.exact {
		out = append(out, c.s.compatible(ctx, t, have)...)
	}
	return out
}

func (c caller) UV(ctx context.Context, log io.Writer, heartbeat func()) (*uv.UV, error) {
	return uv.Find(ctx, c.s.uvConfig(log, heartbeat))
}

func (caller) Interruptible(ctx context.Context) (context.Context, func()) { return interruptible(ctx) }

func (c caller) Progress(o store.Owner) { c.show.progress(o) }

func (c caller) Checking(line string) {
	c.s.notify.tell(line, line)
	c.s.log.Info(line)
}

// uvConfig is how uv is driven. It writes nothing where the command only looks,
// and runs none of the root's that somebody else could have written.
func (s *session) uvConfig(log io.Writer, beat func()) uv.Config {
	self, err := os.Executable()
	if err != nil {
		self = ""
	}
	return uv.Config{
		Root: s.root, Env: s.env, Override: s.set.get(sUV), BesideDir: filepath.Dir(self),
		Offline: s.set.yes(sOffline), IndexDefault: s.set.get(sIndexDefault), IndexTorch: s.set.get(sIndexTorch),
		FindLinks: s.set.list(sFindLinks), Log: log, Beat: beat, NoCache: s.dry, Owners: s.set.list(sTrustedOwners),
	}
}

// trusts refuses what somebody else could have written. What is not there is
// nobody's.
func (s *session) trusts(path string) error {
	err := store.Trusted(path, s.set.list(sTrustedOwners))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// interruptible ends the context with Ctrl-C or SIGTERM until stop is called. A
// signal that came before then is the context's cause, however late it was.
// A signal that we inherited as ignored stays ignored.
func interruptible(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	got := make(chan os.Signal, 1)
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		if !signal.Ignored(sig) {
			signal.Notify(got, sig)
		}
	}
	end := func(sig os.Signal) {
		code, name := fault.Interrupted, "Ctrl-C"
		if sig == syscall.SIGTERM {
			code, name = fault.Terminated, "SIGTERM"
		}
		cancel(fault.New(code, "interrupted by %s; nothing was changed", name).Fix("run the same command again to go on"))
	}
	done, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		select {
		case sig := <-got:
			signal.Stop(got) // the second one ends us whatever we are at
			end(sig)
		case <-done:
		}
	}()
	return ctx, func() {
		signal.Stop(got) // from now on none comes
		close(done)
		<-over
		select {
		case sig := <-got: // it came at the last moment, and counts
			end(sig)
		default:
			cancel(nil)
		}
	}
}

// remember notes that a model uses an env, once, so that `list` can say so. A
// root that cannot be written forgets it.
func (s *session) remember(req *resolve.Request, res *resolve.Resolution) {
	s.keepHardware()
	if req.Old == "" || res.Degraded {
		return
	}
	if err := (&store.Store{Root: s.root}).NoteModel(res.Dir, req.Old, cmp.Or(s.wanted.model.Hub, s.wanted.model.Path)); err != nil {
		s.log.Debug("noting the model: " + err.Error())
	}
}

// notStarted says why the program could not be started.
func (s *session) notStarted(err error) error {
	if err == nil {
		return nil
	}
	return startFault(err)
}
