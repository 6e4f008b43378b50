// Package cli takes the command line apart: options and sub-commands, the help, the
// man page and shell completion, all from one grammar. It alone knows kong.
package cli

import (
	"maps"
	"os"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/shim/config"
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
	MaxDir         int               // longest working directory; 0: the system's limit; tests lower it
	Failpoint      func(name string) // called before each step that changes a root; nil but in tests of crashes
}

// Line is the command line, taken apart.
type Line struct {
	Name    string       // the sub-command; "run" when none is named
	Verb    string       // of a sub-command that has several: "add"; "" elsewhere
	Flags   config.Flags // the settings that it gives, as they were written
	Quiet   bool         // -q
	Verbose bool         // -v
	Version bool         // -V
	Program []string     // the program's words, byte for byte; nil: none
}

// Settings are the flags for [config.Load]: -q and -v are a log level, unless one is
// given.
func (l Line) Settings() config.Flags {
	flags := config.Flags{}
	maps.Copy(flags, l.Flags)
	switch {
	case flags["log_level"] != "":
	case l.Verbose:
		flags["log_level"] = "debug"
	case l.Quiet:
		flags["log_level"] = "warn"
	}
	return flags
}

// Sub is the grammar of a sub-command.
type Sub struct {
	Name     string
	Help     string // one line
	Examples string // the lines of its help that show its use, indented by two
	Options  any    // of it alone: a pointer to a struct with kong's tags, which parsing fills; nil: none
}

// Grammar is what a command line may hold.
type Grammar struct {
	Settings config.Table
	Subs     []Sub
}

// names are the words that name a sub-command. They cannot be taken for a program: a
// program called "list" is `modelrun -- list`.
func (g Grammar) names() []string {
	var names []string
	for i := range g.Subs {
		names = append(names, g.Subs[i].Name)
	}
	return names
}

const runName = "run"

// splitPlain takes apart a command line that needs no parser for options:
// `modelrun -- cmd …`, `modelrun python …`, `modelrun x.py …`. ok is false when it
// begins with an option or a sub-command.
func splitPlain(args []string) (l Line, ok bool) {
	switch {
	case len(args) > 0 && args[0] == "--":
		return Line{Name: runName, Program: args[1:]}, true
	case len(args) > 0 && config.IsProgram(args[0]):
		return Line{Name: runName, Program: args}, true
	}
	return Line{}, false
}

// NoCommand is the error for a command line without a program.
func NoCommand() error {
	return fault.New(fault.BadUsage, "no command is given").
		Fix("modelrun -- python script.py   # or: modelrun --help")
}
