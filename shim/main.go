// Package shim implements the command: argv in, python out.
//
// Main is a sequence of steps. Each step takes values and returns a value:
//
//	cli.ApplyAlias, cli.Parse   argv, environ    -> cli.Line
//	config.Load                 sources          -> config.Config, root included
//	target.Finder.Request       config, hardware -> target.Target, resolve.Request
//	resolve.Chain.Resolve       request          -> resolve.Resolution
//	launch.programOf            resolution       -> execx.Program
//	execx.Become                program          -> this process is the program
package shim

import (
	"context"
	"errors"
	"runtime/debug"
	"slices"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/shim/app"
	"github.com/modelrun/modelrun/shim/cli"
	"github.com/modelrun/modelrun/shim/command"
	"github.com/modelrun/modelrun/shim/config"
	"github.com/modelrun/modelrun/shim/terminal"
)

// Main runs the command and returns its exit code. On POSIX, Main does not return
// if a program is started: the process becomes the program.
func Main(inv cli.Invocation) (code int) {
	if terminal.ShowedWarning(inv.Args) {
		return exitOK
	}
	env := execx.NewEnviron(inv.Environ)
	ui := terminal.NewUI(terminal.Streams{
		Stdout: inv.Stdout, Stderr: inv.Stderr, Console: terminal.NewConsole(inv.Stderr, env), Env: env,
	})
	if ui.Console != nil {
		defer func() { // Go would write the panic to a stderr that does not exist
			if defect := recover(); defect != nil {
				code = exitFor(ui.Report(fault.New(fault.Internal, "a defect of modelrun: %v\n%s", defect, debug.Stack()).Fix("report this text")))
			}
		}()
	}
	err := run(context.Background(), inv, env, ui)
	ui.Notify.Done()
	var exit app.Exit
	switch {
	case err == nil || errors.Is(err, cli.ErrHelp):
		return exitOK
	case errors.As(err, &exit):
		return int(exit)
	}
	code = exitFor(ui.Report(err))
	terminal.WaitForEnter(inv.Stdin, inv.Stderr)
	return code
}

// run parses the command line, reads the settings, and runs the command.
func run(ctx context.Context, inv cli.Invocation, env execx.Environ, ui *terminal.UI) error {
	inv, alias, err := cli.ApplyAlias(inv, env)
	if err != nil {
		return err
	}
	commands, grammar := command.All(), cli.Grammar{Settings: config.Settings()}
	for _, c := range commands {
		grammar.Subs = append(grammar.Subs, c.Sub)
	}
	line, err := cli.Parse(inv.Args, grammar, inv.Stdout, ui.Err())
	if err != nil && alias != "" && !errors.Is(err, cli.ErrHelp) {
		err = fault.New(fault.BadConfig, "%s: %w", alias, err).Fix("correct its options: modelrun --help")
	}
	if err != nil {
		return err
	}
	if line.Name == cli.CompleteWord {
		return command.Complete(inv, env, grammar)
	}
	c := commands[slices.IndexFunc(commands, func(c app.Command) bool { return c.Name == line.Name })]
	if c.Amend != nil {
		c.Amend(line.Flags)
	}
	a, err := app.Open(inv, line, env, grammar.Settings, c, ui)
	if err != nil {
		return err
	}
	return c.Run(ctx, a)
}
