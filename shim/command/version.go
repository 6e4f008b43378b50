package command

import (
	"context"
	"fmt"

	"github.com/modelrun/modelrun/shim/cli"
)

// versionCommand declares `modelrun version`.
func versionCommand() Command {
	return Command{
		Sub:   cli.Sub{Name: "version", Help: "Print the version."},
		Needs: Nothing,
		Run:   Version,
	}
}

// Version prints the version of modelrun.
func Version(_ context.Context, a *App) error {
	_, err := fmt.Fprintf(a.Inv.Stdout, "modelrun %s\n", a.Inv.Version)
	return err
}
