// Package cli parses the command line: options and sub-commands. The help, the man
// page and shell completion come from the same grammar. No other package uses kong.
package cli

import (
	"maps"
	"os"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/shim/config"
)

// Invocation is everything that modelrun gets from outside.
type Invocation struct {
	Program        string             // argv[0], as the caller wrote it
	Args           []string           // without argv[0]
	Tail           func(n int) string // Windows: the command line from argv[n] on, as typed; nil elsewhere
	Environ        []string           // the environment variables, as KEY=VALUE
	Stdin          *os.File
	Stdout, Stderr *os.File
	Version        string            // modelrun's version
	MaxDir         int               // the longest working directory, or 0 for the system's limit; tests lower it
	Failpoint      func(name string) // called before each step that changes a root; nil except in crash tests
}

// Line is a parsed command line.
type Line struct {
	Name    string       // the sub-command; "run" if none is named
	Verb    string       // the second word of a sub-command that has several, such as "add"; "" for others
	Flags   config.Flags // the settings it gives, as they were written
	Quiet   bool         // -q
	Verbose bool         // -v
	Version bool         // -V
	Program []string     // the program's words, byte for byte; nil if there is none
}

// Settings returns the flags for [config.Load]. -q and -v set the log level, unless
// a flag sets it.
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
	Name     string // as typed: "list"
	Help     string // one line
	Examples string // examples for its help, indented by two spaces
	Options  any    // its own options: a pointer to a struct with kong's tags, which parsing fills; nil if it has none
}

// Grammar defines what a command line may contain.
type Grammar struct {
	Settings config.Table // the settings that have flags
	Subs     []Sub        // the sub-commands
}

// names returns the words that name a sub-command. They never name a program: a
// program called "list" needs `modelrun -- list`.
func (g Grammar) names() []string {
	var names []string
	for i := range g.Subs {
		names = append(names, g.Subs[i].Name)
	}
	return names
}

const runName = "run"

// splitPlain splits a command line that needs no option parser:
// `modelrun -- cmd …`, `modelrun python …`, `modelrun x.py …`. ok is false if the
// line begins with an option or a sub-command.
func splitPlain(args []string) (l Line, ok bool) {
	switch {
	case len(args) > 0 && args[0] == "--":
		return Line{Name: runName, Program: args[1:]}, true
	case len(args) > 0 && config.IsProgram(args[0]):
		return Line{Name: runName, Program: args}, true
	}
	return Line{}, false
}

// NoCommand returns the error for a command line without a program.
func NoCommand() error {
	return fault.New(fault.BadUsage, "no command is given").
		Fix("modelrun -- python script.py   # or: modelrun --help")
}
