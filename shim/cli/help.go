package cli

import (
	"fmt"
	"io"

	"github.com/alecthomas/kong"
)

const usageLines = `Usage: modelrun [options] -- PROGRAM [arguments]
       modelrun COMMAND [options]
`

const description = `Start a local model program in the right Python environment.

  modelrun -- python load_model.py
  modelrun -m models/llama -- python serve.py --port 8000

Everything after -- is the program's own, byte for byte.`

// exitCodes is the table of exit codes in the README and in docs/modelrun.1.
const exitCodes = `Exit codes:
  The program's own; and of modelrun, when the program was not started:
  1         which: none usable; doctor, launcher check: findings; prune,
            migrate, launcher repair: not all was done
  124       a time limit: the creation of an environment made no progress
  125       no environment, bad configuration, bad usage
  126, 127  the program cannot be started, does not exist
  130, 143  interrupted by Ctrl-C, by SIGTERM
`

// diagnostics says where errors are explained.
const diagnostics = `An error ends with its code in brackets, as in [no-env]; docs/troubleshooting.md
has a section for each.
`

// printHelp prints kong's help between our own first and last lines.
func printHelp(o kong.HelpOptions, ctx *kong.Context) error {
	whole := ctx.Selected() == nil
	if whole {
		o.NoAppSummary = true
		if _, err := io.WriteString(ctx.Stdout, usageLines); err != nil {
			return err
		}
	}
	if err := kong.DefaultHelpPrinter(o, ctx); err != nil || !whole {
		return err
	}
	_, err := fmt.Fprintf(ctx.Stdout, "\n%s\n%s", exitCodes, diagnostics)
	return err
}
