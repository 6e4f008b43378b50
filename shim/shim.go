// Package shim is the command: argv in, python out. It is the only place that
// talks to the user and the only one that knows kong.
package shim

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime/debug"

	"github.com/hashicorp/go-hclog"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/hardware"
	"github.com/modelrun/modelrun/resolve/store"
)

// Invocation is everything that the outside world gives us.
type Invocation struct {
	Program        string             // argv[0], as the caller wrote it
	Args           []string           // without argv[0]
	Tail           func(n int) string // Windows: the command line from argv[n] on, as it was typed; nil elsewhere
	Environ        []string
	Stdin          *os.File
	Stdout, Stderr *os.File
	Version        string
	MaxDir         int               // longest working directory; 0: what the system accepts; tests lower it
	Failpoint      func(name string) // called before each step that changes a root; nil except in tests of crashes
}

// Main runs the command and returns its exit code. When all goes well on POSIX
// it does not return: this process becomes the program.
func Main(inv Invocation) (code int) {
	if showed(inv) {
		return exitOK
	}
	s := &session{inv: inv, env: execx.NewEnviron(inv.Environ), stderr: inv.Stderr}
	if s.console = newConsole(inv.Stderr, s.env); s.console != nil {
		s.stderr = s.console
		defer func() { // Go says it to a stderr that is not there
			if defect := recover(); defect != nil {
				code = s.report(fault.New(fault.Internal, "a defect of modelrun: %v\n%s", defect, debug.Stack()).Fix("report this text"))
			}
		}()
	}
	err := s.main(context.Background())
	s.notify.done()
	if err == nil || errors.Is(err, errHelp) {
		return s.exit
	}
	code = s.report(err)
	hold(inv.Stdin, inv.Stderr)
	return code
}

// session is one run of the command, filled from left to right.
type session struct {
	inv  Invocation
	env  execx.Environ // the caller's
	exit int           // of a sub-command, or of the program where the system has no exec

	console *console  // of modelrunw; nil: we have a stderr
	stderr  io.Writer // where we speak

	words  words
	cli    cli
	set    *settings
	log    hclog.InterceptLogger
	people *people // the sink on stderr, for a display that shares its line; nil for JSON
	status *status
	notify *notifier

	oldModels   map[envdir.ID]string // whose the old envs are, once asked
	unnamed     setting              // the model, where no flag names one
	calledBy    string               // NAME.toml, when we are called NAME
	scriptFile  string               // the script that is started, as it was written
	programEnv  execx.Environ
	hardwareEnv execx.Environ // what the hardware is asked with: see hardware.Env
	root        envdir.Root
	rootFrom    string
	rootErr     error // why it cannot be used; only doctor comes further then
	identity    hardware.Identity
	state       store.State
	hardware    *hardware.Machine
	detected    bool // hardware is new: worth keeping
	wanted      target
	dry         bool // look only: run nothing from a root, change nothing
}

// main is the straight line from argv to exec.
func (s *session) main(ctx context.Context) error {
	if err := s.byName(); err != nil {
		return err
	}
	plain, ok := splitPlain(s.inv.Args)
	if ok {
		s.words = plain
	} else if err := s.parse(); err != nil || s.words.done() {
		return err
	}
	if s.words.sub == "launcher" {
		return s.launcher()
	}
	if err := s.settle(); err != nil {
		return err
	}
	switch s.words.sub {
	case "run":
		return s.run(ctx)
	case "config":
		return s.config()
	case "list":
		return s.list()
	case "doctor":
		return s.doctor(ctx)
	case "prune":
		return s.prune(ctx)
	case "profiles":
		return s.profiles(ctx)
	case "migrate":
		return s.migrate(ctx)
	}
	req, err := s.request(ctx)
	if err != nil {
		return err
	}
	switch s.words.sub {
	case "which":
		return s.which(ctx, req)
	case "explain":
		return s.explain(ctx, req)
	default:
		return s.ensure(ctx, req)
	}
}

// run resolves and becomes the program.
func (s *session) run(ctx context.Context) error {
	if len(s.words.program) == 0 {
		return noCommand()
	}
	nest, err := nesting(s.env)
	if err != nil {
		return err
	}
	cwd, err := s.workDir()
	if err != nil {
		return err
	}
	req, err := s.request(ctx)
	if err != nil {
		return err
	}
	res, err := s.resolve(ctx, req)
	if err != nil {
		return err
	}
	p, err := s.program(req, res, cwd, nest)
	if err != nil {
		res.Lease.Release()
		return err
	}
	s.remember(req, res)
	s.status.starting(res)
	s.notify.done()
	s.exit, err = execx.Become(p)
	res.Lease.Release()
	return s.notStarted(err)
}
