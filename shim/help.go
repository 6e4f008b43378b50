package shim

import (
	"fmt"
	"io"

	"github.com/alecthomas/kong"
)

// newKong is kong with our model and our help. The help, the man page and the
// completion are made from it, so that an option is written down once.
func newKong(c *cli, options ...kong.Option) (*kong.Kong, error) {
	k, err := kong.New(c, append(options, bareStrings(), kong.Name("modelrun"), kong.Description(description), kong.Help(printHelp),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, FlagsLast: true, WrapUpperBound: 80}))...)
	if err != nil {
		return nil, err
	}
	for _, command := range k.Model.Children {
		command.Detail = examples(command.Name)
	}
	return k, nil
}

const usageLines = `Usage: modelrun [options] -- PROGRAM [arguments]
       modelrun COMMAND [options]
`

const description = `Start a local model program in the right Python environment.

  modelrun -- python load_model.py
  modelrun -m models/llama -- python serve.py --port 8000

Everything after -- is the program's own, byte for byte.`

// exitCodes are what README's table says, and docs/modelrun.1.
const exitCodes = `Exit codes:
  The program's own; and of modelrun, when the program was not started:
  1         which: none usable; doctor, launcher check: findings; prune,
            migrate, launcher repair: not all was done
  124       a time limit: the creation of an environment made no progress
  125       no environment, bad configuration, bad usage
  126, 127  the program cannot be started, does not exist
  130, 143  interrupted by Ctrl-C, by SIGTERM
`

// where says where more stands.
const where = `An error ends with its code in brackets, as in [no-env]; docs/troubleshooting.md
has a section for each.
`

// printHelp is kong's help between our first and last words.
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
	_, err := fmt.Fprintf(ctx.Stdout, "\n%s\n%s", exitCodes, where)
	return err
}

// examples are the lines of a command's help that show its use. They are
// indented by two, so that they stay as they are.
func examples(command string) string {
	switch command {
	case "run":
		return `It takes python, a script, a command of the environment, or one on PATH:

  modelrun run -- python load_model.py
  modelrun run -m models/llama serve.py --port 8000`
	case "which":
		return `It exits with 1 when none is usable.

  "$(modelrun which -m models/llama)" -V`
	case "explain":
		return `It changes nothing.

  modelrun explain -m models/llama
  modelrun explain --json --env torch-cu121-transformers`
	case "ensure":
		return `For images, Slurm prologs and ExecStartPre=.

  modelrun ensure -m models/llama
  modelrun ensure --update --env torch-cu121-transformers`
	case "list":
		return `It runs nothing and changes nothing.

  modelrun list --root /srv/llm`
	case "doctor":
		return `It contacts no network and exits with 1 for findings, each with a remedy.

  modelrun doctor
  modelrun doctor --deep --json`
	case "prune":
		return `It never takes an environment that is in use.

  modelrun prune --unused 90
  modelrun prune --unused 90 --yes`
	case "migrate":
		return `An old environment that is in use stays; --undo moves back until prune.

  modelrun migrate
  modelrun migrate models/llama --yes
  modelrun migrate --all --yes
  modelrun migrate models/llama --undo --yes`
	case "launcher":
		return `Each is a file that starts a program with modelrun, from anywhere.

  modelrun launcher add chat -m models/llama -- python load_model.py
  modelrun launcher add serve --kind systemd -- python serve.py --port 8000
  modelrun launcher check
  modelrun launcher repair chat -m models/llama-3`
	case "config":
		return `Values whose name says that they are secret are shown as ***.

  modelrun config -C project`
	case "profiles":
		return `It changes nothing.

  modelrun profiles --family vllm
  modelrun --profile cuda_cu124 -- python load_model.py`
	case "completion":
		return `It goes into ~/.bashrc; into ~/.zshrc, after compinit; into fish's folder of
completions; into PowerShell's $PROFILE:

  eval "$(modelrun completion bash)"
  eval "$(modelrun completion zsh)"
  modelrun completion fish >~/.config/fish/completions/modelrun.fish
  modelrun completion powershell | Out-String | Invoke-Expression`
	}
	return ""
}
