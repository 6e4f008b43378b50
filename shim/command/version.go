package command

import (
	"context"
	"fmt"

	"github.com/modelrun/modelrun/shim/app"
	"github.com/modelrun/modelrun/shim/cli"
)

// versionCommand declares `modelrun version`.
func versionCommand() app.Command {
	return app.Command{
		Sub:   cli.Sub{Name: "version", Help: "Print the version."},
		Needs: app.Nothing,
		Run:   Version,
	}
}

// Version prints the version of modelrun.
func Version(_ context.Context, a *app.App) error {
	_, err := fmt.Fprintf(a.Inv.Stdout, "modelrun %s\n", a.Inv.Version)
	return err
}
