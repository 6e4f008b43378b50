package shim

import (
	_ "embed" // the scripts
	"io"
	"strings"
)

// The scripts know nothing of our options: at each Tab they ask modelrun
// __complete, whose answers are made from kong's model.
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

// completion prints the script for one shell.
func (s *session) completion() error {
	script := map[string]string{
		"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion, "powershell": powershellCompletion,
	}[s.cli.Completion.Shell]
	_, err := io.WriteString(s.inv.Stdout, strings.ReplaceAll(script, "\r", "")) // of a checkout on Windows
	return err
}
