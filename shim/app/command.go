package app

import (
	"context"
	"strconv"

	"github.com/modelrun/modelrun/shim/cli"
	"github.com/modelrun/modelrun/shim/config"
)

// Command is one sub-command. Each is declared in a file of its own.
type Command struct {
	cli.Sub
	Needs    Needs
	ReadOnly bool               // it runs nothing from a root and changes nothing
	Amend    func(config.Flags) // takes a setting from its arguments, before settings are read; nil: it has none there
	Run      func(context.Context, *App) error
}

// Needs says what is read before a command runs.
type Needs int

// The needs.
const (
	Settings Needs = iota // all settings, and a root
	AnyRoot               // the same, but the root may be one that cannot be used
	Options               // the command line alone
	Nothing               // not even that
)

// Exit ends modelrun with an exit code and nothing to report.
type Exit int

// NotAll is the exit code of a command that found something, or could not do all.
const NotAll Exit = 1

func (e Exit) Error() string { return "exit code " + strconv.Itoa(int(e)) }
