// Package command holds the sub-commands, one file each. The larger ones have
// packages of their own: launch, migrate, launchers.
package command

import (
	"github.com/modelrun/modelrun/shim/app"
	"github.com/modelrun/modelrun/shim/launch"
	"github.com/modelrun/modelrun/shim/launchers"
	"github.com/modelrun/modelrun/shim/migrate"
)

// All returns the sub-commands in the order of the help. To add a sub-command, add
// it here.
func All() []app.Command {
	return []app.Command{
		launch.Command(),
		whichCommand(),
		explainCommand(),
		ensureCommand(),
		listCommand(),
		doctorCommand(),
		pruneCommand(),
		exportCommand(),
		migrate.Command(),
		launchers.Command(),
		configCommand(),
		profilesCommand(),
		completionCommand(),
		versionCommand(),
	}
}
