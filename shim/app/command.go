package app

import (
	"context"
	"strconv"

	"github.com/modelrun/modelrun/shim/cli"
	"github.com/modelrun/modelrun/shim/config"
)

// Command declares one sub-command. Each sub-command is declared in its own file.
type Command struct {
	cli.Sub
	Needs    Needs                             // what is read before the command runs
	ReadOnly bool                              // it runs nothing from a root and changes nothing
	Amend    func(config.Flags)                // takes a setting from the command's arguments before the settings are read; nil if they hold none
	Run      func(context.Context, *App) error // does the work
}

// Needs is what a command needs to have read before it runs.
type Needs int

// The values of [Needs].
const (
	Settings Needs = iota // all settings, and a root
	AnyRoot               // the same, but the root may be unusable
	Nothing               // nothing: it loads what it needs itself
)

// Exit is an exit code without an error to report.
type Exit int

// NotAll is the exit code of a command that found a problem or could not do
// everything.
const NotAll Exit = 1

// Error returns the exit code as text.
func (e Exit) Error() string { return "exit code " + strconv.Itoa(int(e)) }
