package shim

import (
	"errors"
	"io"
	"io/fs"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/modelrun/modelrun/resolve/fault"
)

// flags are the options of every sub-command. Each one that is a setting has
// the setting's name; empty means not given.
type flags struct {
	Model   string   `short:"m" group:"What to start it in:" placeholder:"MODEL" help:"Model: a folder, a file, or org/name."`
	Env     string   `short:"e" group:"What to start it in:" placeholder:"KEY" help:"Env key, for example torch-cu121-transformers-bnb."`
	Family  string   `group:"What to start it in:" placeholder:"NAME" help:"Family: transformers, llamacpp, onnx or vllm."`
	Profile string   `group:"What to start it in:" placeholder:"NAME" help:"Hardware profile."`
	With    []string `sep:"none" group:"What to start it in:" placeholder:"PKG" help:"A package that is needed besides, such as 'rich>=13'; may be repeated."`
	Root    string   `group:"What to start it in:" placeholder:"DIR" help:"Folder that holds .envs/."`
	Cwd     string   `short:"C" group:"What to start it in:" placeholder:"DIR" help:"Change to DIR first, as git does."`

	NoCreate      bool   `group:"How far it may go:" help:"Never create an environment."`
	NoDegraded    bool   `group:"How far it may go:" help:"Never use an environment that is not known to work."`
	RequireGPU    bool   `name:"require-gpu" group:"How far it may go:" help:"Fail when no GPU can be used."`
	Offline       bool   `group:"How far it may go:" help:"Never use the network."`
	Wait          string `group:"How far it may go:" placeholder:"TIME" help:"How long another creator may make no progress (30m)."`
	CreateTimeout string `group:"How far it may go:" placeholder:"TIME" help:"How long our installer may make no progress (10m)."`

	Isolated bool   `group:"What the program sees:" help:"Remove PYTHONPATH from the program's environment."`
	EnvFile  string `group:"What the program sees:" placeholder:"FILE" help:"Variables for the program, KEY=VALUE a line."`

	Quiet      bool   `short:"q" group:"What is said:" help:"Only warnings and errors."`
	Verbose    bool   `short:"v" group:"What is said:" help:"Say how the decision was made (debug)."`
	StatusFile string `group:"What is said:" placeholder:"FILE" help:"Write what happened as JSON."`
	LogLevel   string `group:"What is said:" placeholder:"LEVEL" help:"error, warn, info, debug or trace (info)."`
	LogFormat  string `group:"What is said:" placeholder:"FORMAT" help:"text or json (text)."`
	LogFile    string `group:"What is said:" placeholder:"FILE" help:"Append the log to FILE as well."`
}

type runFlags struct {
	Command []string `arg:"" optional:"" passthrough:"partial" help:"What to start: -- python script.py …"`
}

type jsonFlag struct {
	JSON bool `name:"json" help:"Print JSON."`
}

type ensureFlags struct {
	Update  bool `help:"Rebuild when the profile has changed, or when another key serves now."`
	Rebuild bool `help:"Rebuild in any case; the old one is kept in .envs/.old."`
}

type doctorFlags struct {
	Deep bool `help:"Also import what each environment is for, one after another; takes minutes."`
	JSON bool `name:"json" help:"Print JSON."`
}

type pruneFlags struct {
	Yes    bool `help:"Do it; without it the plan is shown."`
	Unused *int `placeholder:"DAYS" help:"Also shared environments that nobody started for DAYS days."`
	JSON   bool `name:"json" help:"Print JSON."`
}

type launcherFlags struct {
	Add    launcherAdd    `cmd:"" help:"Write a launcher: a script, a desktop entry, a unit of a service manager, a shortcut."`
	List   jsonFlag       `cmd:"" help:"List the launchers."`
	Check  launcherCheck  `cmd:"" help:"Look whether what they name is still there."`
	Repair launcherRepair `cmd:"" help:"Write them anew, with this modelrun; options such as -m replace what moved."`
	Remove launcherRemove `cmd:"" help:"Delete a launcher."`
}

type launcherAdd struct {
	Name     string `arg:"" help:"Its name: a file's, without extension. Behind -- stands what it starts."`
	Kind     string `placeholder:"KIND" help:"script, desktop, systemd, supervisord, launchd, lnk, cmd, exe or nssm."`
	To       string `placeholder:"DIR" help:"Folder to write to; without it where its starter looks."`
	Icon     string `placeholder:"FILE" help:"Icon of a desktop entry or a shortcut."`
	Windowed bool   `help:"No terminal and no console."`
	System   bool   `help:"A systemd unit of the system, not of the user."`
	Account  string `placeholder:"NAME" help:"Account that runs a service."`
	Force    bool   `help:"Replace what is there; what is not modelrun's is kept as .bak."`
}

type launcherCheck struct {
	Name string `arg:"" optional:"" help:"Only this one."`
	JSON bool   `name:"json" help:"Print JSON."`
}

type launcherRepair struct {
	Name    string `arg:"" optional:"" help:"Only this one."`
	Icon    string `placeholder:"FILE" help:"Its new icon."`
	Account string `placeholder:"NAME" help:"Its new account."`
}

type launcherRemove struct {
	Name  string `arg:"" help:"Which."`
	Force bool   `help:"Also when it was changed by hand, which is kept as .bak, or is enabled."`
}

type completionFlags struct {
	Shell string `arg:"" enum:"bash,zsh,fish,powershell" help:"bash, zsh, fish or powershell."`
}

type migrateFlags struct {
	What string `arg:"" optional:"" name:"model" help:"The model, or the id of its old environment."`
	All  bool   `help:"Every old environment, one after another; stops at the first that fails."`
	Undo bool   `help:"Move back what was migrated and not pruned."`
	Yes  bool   `help:"Do it; without it the plan is shown."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// runCLI is kong's model for starting a program.
type runCLI struct {
	flags
	ShowVersion bool `name:"version" short:"V" help:"Print the version."`

	Run runFlags `cmd:"" default:"withargs" help:"Start a program in the right environment (default)."`
}

// cli is kong's model of the command line. It holds no logic.
type cli struct {
	runCLI

	Which    jsonFlag      `cmd:"" help:"Print the python that would be used; never creates."`
	Explain  jsonFlag      `cmd:"" help:"Show the chain: what was looked at, and why."`
	Ensure   ensureFlags   `cmd:"" help:"Create the environment now."`
	List     jsonFlag      `cmd:"" help:"List the environments of the root."`
	Doctor   doctorFlags   `cmd:"" help:"Check machine, tools, root and every environment."`
	Prune    pruneFlags    `cmd:"" help:"Show what can be deleted; --yes deletes it."`
	Migrate  migrateFlags  `cmd:"" help:"Show what moves to shared environments; --yes does it."`
	Launcher launcherFlags `cmd:"" help:"Write, check and repair launchers: scripts, shortcuts, services."`
	Config   jsonFlag      `cmd:"" help:"Show each setting and where it came from."`

	Profiles   jsonFlag        `cmd:"" help:"List the hardware profiles and which ones serve here."`
	Completion completionFlags `cmd:"" help:"Print the script with which a shell completes."`
	Version    struct{}        `cmd:"" help:"Print the version."`
}

// errHelp is returned when help was asked for and printed.
var errHelp = errors.New("help was printed")

// parse takes the command line apart with kong. The program's arguments are
// never given to it but for those that stand before the first "--".
func parse(args []string, stdout, stderr io.Writer) (cli, words, error) {
	ours, tail, dashed := args, []string(nil), false
	if i := slices.Index(args, "--"); i >= 0 {
		ours, tail, dashed = args[:i], args[i+1:], true
	}
	c, ctx := parseRun(ours)
	if ctx == nil {
		helped := false
		k, err := newKong(&c, kong.Writers(stdout, stderr), kong.Exit(func(int) { helped = true }))
		if err != nil {
			return c, words{}, fault.New(fault.Internal, "%w", err).Fix("report this text")
		}
		ctx, err = k.Parse(ours)
		if helped {
			return c, words{}, errHelp
		}
		if err != nil {
			return c, words{}, badUsage(err, helpFor(err))
		}
	}
	w := words{sub: strings.Fields(ctx.Command())[0], options: ours}
	if fields := strings.Fields(ctx.Command()); w.sub == "launcher" {
		w.verb = fields[1]
	}
	if w.sub != "run" {
		if w.verb == "add" {
			w.program = tail
			return c, w, nil
		}
		if dashed {
			return c, w, fault.New(fault.BadUsage, "modelrun %s starts no program, but \"--\" is given", w.sub).
				Fix("modelrun %s   or, to start a program of that name: modelrun -- %s", strings.Join(ours, " "), strings.Join(append([]string{w.sub}, tail...), " "))
		}
		return c, w, nil
	}
	// What kong left over begins the program; its words are counted, and taken
	// from args, because kong does not keep every byte.
	switch n := len(c.Run.Command); {
	case n == 0 && dashed:
		w.program = tail
	case n > 0:
		w.program = args[len(ours)-n:]
		if !isProgram(w.program[0]) {
			return c, w, notAProgram(w.program, ours[:len(ours)-n])
		}
	}
	return c, w, nil
}

// parseRun parses what names no sub-command with the small model: with all
// sub-commands kong takes 0.6 ms more, at every start that has an option. What it
// refuses, help included, is for the whole model, which says why: ctx is nil.
func parseRun(ours []string) (c cli, ctx *kong.Context) {
	if slices.ContainsFunc(ours, func(w string) bool { return w != "run" && slices.Contains(subcommands[:], w) }) {
		return c, nil
	}
	k, err := kong.New(&c.runCLI, kong.Name("modelrun"), kong.NoDefaultHelp(), bareStrings())
	if err != nil {
		return cli{}, nil
	}
	if ctx, err = k.Parse(ours); err != nil {
		return cli{}, nil
	}
	return c, ctx
}

// bareStrings makes kong take a string as it is: by itself it sends it through JSON,
// where a byte that is not UTF-8, as in an old folder's name, becomes another.
func bareStrings() kong.Option {
	return kong.KindMapper(reflect.String, kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
		token, err := ctx.Scan.PopValue("string")
		if err == nil {
			target.SetString(token.String())
		}
		return err
	}))
}

// notAProgram is said for a first word that is neither an option, a
// sub-command, a python nor a script.
func notAProgram(program, before []string) error {
	word := program[0]
	if word == "help" {
		return fault.New(fault.BadUsage, "unknown command %q", word).Fix("modelrun --help")
	}
	again := strings.Join(append(append([]string{"modelrun"}, before...), append([]string{"--"}, program...)...), " ")
	if near := nearest(word, subcommands[:]); near != "" && near != word { // the same after "run"
		return fault.New(fault.BadUsage, "unknown command %q, did you mean %q?", word, near).
			Fix("modelrun %s   or, to start a program of that name: %s", near, again)
	}
	return fault.New(fault.BadUsage, "unknown command %q", word).
		Fix("to start a program, put -- before it: %s", again)
}

// helpFor is the help of the command that was typed, as far as it is one.
func helpFor(err error) string {
	help := "modelrun "
	if bad := (*kong.ParseError)(nil); errors.As(err, &bad) {
		for _, p := range bad.Context.Path {
			if c := p.Command; c != nil && c.Name != "run" {
				help += c.Name + " "
			}
		}
	}
	return help + "--help"
}

// badUsage is what kong found wrong; it suggests the nearest flag itself.
func badUsage(err error, help string) error {
	if errors.As(err, new(*fs.PathError)) { // the help could not be written
		return err
	}
	for _, said := range []string{": expected string value but got ", ": expected int value but got ", ": missing value, "} { // the next option, or nothing, follows
		if flag, _, ok := strings.Cut(err.Error(), said); ok {
			return fault.New(fault.BadUsage, "flag %s needs a value", flag).Fix("%s", help)
		}
	}
	if list, got, ok := strings.Cut(err.Error(), " but got "); ok { // one of several: bash, zsh, …
		_, list, _ = strings.Cut(list, "must be one of ")
		names := strings.FieldsFunc(list, func(r rune) bool { return r == '"' || r == ',' })
		if near := nearest(strings.Trim(got, `"`), names); near != "" {
			return fault.New(fault.BadUsage, "%s", err).Fix("did you mean %q? they are %s", near, strings.Join(names, ", "))
		}
	}
	return fault.New(fault.BadUsage, "%s", err).Fix("%s", help)
}

func nearest(word string, names []string) string { return fault.Nearest(word, names) }
