package command

import (
	"context"
	_ "embed" // for the scripts
	"io"
	"strings"

	"github.com/modelrun/modelrun/shim/app"
	"github.com/modelrun/modelrun/shim/cli"
)

// The scripts contain no options. On each Tab they run `modelrun __complete`, which
// answers from the grammar.
var (
	//go:embed completion/modelrun.bash
	bashCompletion string
	//go:embed completion/modelrun.zsh
	zshCompletion string
	//go:embed completion/modelrun.fish
	fishCompletion string
	//go:embed completion/modelrun.ps1
	powershellCompletion string
)

// CompletionOptions are the arguments of `modelrun completion`.
type CompletionOptions struct {
	Shell string `arg:"" enum:"bash,zsh,fish,powershell" help:"bash, zsh, fish or powershell."`
}

// completionCommand declares `modelrun completion`.
func completionCommand() app.Command {
	var o CompletionOptions
	return app.Command{
		Sub: cli.Sub{
			Name: "completion",
			Help: "Print the script with which a shell completes.",
			Examples: `It goes into ~/.bashrc; into ~/.zshrc, after compinit; into fish's folder of
completions; into PowerShell's $PROFILE:

  eval "$(modelrun completion bash)"
  eval "$(modelrun completion zsh)"
  modelrun completion fish >~/.config/fish/completions/modelrun.fish
  modelrun completion powershell | Out-String | Invoke-Expression`,
			Options: &o,
		},
		Needs: app.Nothing,
		Run:   func(ctx context.Context, a *app.App) error { return Completion(ctx, a, o) },
	}
}

// Completion prints the completion script for one shell.
func Completion(_ context.Context, a *app.App, o CompletionOptions) error {
	script := map[string]string{
		"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion, "powershell": powershellCompletion,
	}[o.Shell]
	_, err := io.WriteString(a.Inv.Stdout, strings.ReplaceAll(script, "\r", "")) // a checkout on Windows may have added them
	return err
}
