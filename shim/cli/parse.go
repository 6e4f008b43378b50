package cli

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/shim/config"
)

// ErrHelp reports that help was asked for and has been printed.
var ErrHelp = errors.New("help was printed")

// CompleteWord is the hidden first word that completion scripts use to ask.
const CompleteWord = "__complete"

// Parse parses the command line. It fills the options of the sub-command that is
// named. Its errors have the code BadUsage. It prints help to stdout, and then
// returns [ErrHelp].
func Parse(args []string, g Grammar, stdout, stderr io.Writer) (Line, error) {
	if l, ok := splitPlain(args); ok {
		return l, nil
	}
	if len(args) == 0 {
		return Line{}, NoCommand()
	}
	if args[0] == CompleteWord {
		return Line{Name: CompleteWord}, nil
	}
	l, err := parse(args, g, stdout, stderr)
	if err == nil && l.Version {
		l.Name = "version"
	}
	return l, err
}

// ParseOptions parses a command line that has only options, such as a launcher
// keeps.
func ParseOptions(opts []string, t config.Table) (Line, error) {
	return parse(append(slices.Clone(opts), "--", "python"), Grammar{Settings: t}, io.Discard, io.Discard)
}

// parse parses with kong. kong sees the program's arguments only up to the first
// "--".
func parse(args []string, g Grammar, stdout, stderr io.Writer) (Line, error) {
	ours, tail, dashed := args, []string(nil), false
	if i := slices.Index(args, "--"); i >= 0 {
		ours, tail, dashed = args[:i], args[i+1:], true
	}
	into, ctx := parseRun(ours, g)
	if ctx == nil {
		var err error
		if into, ctx, err = parseAll(ours, g, stdout, stderr); err != nil {
			return Line{}, err
		}
	}
	l := into.line(g.Settings)
	words := strings.Fields(ctx.Command())
	l.Name = words[0]
	if len(words) > 1 && ctx.Selected().Parent != ctx.Model.Node {
		l.Verb = words[1]
	}
	if l.Name != runName {
		if l.Verb == "add" {
			l.Program = tail
			return l, nil
		}
		if dashed {
			return l, fault.New(fault.BadUsage, "modelrun %s starts no program, but \"--\" is given", l.Name).
				Fix("modelrun %s   # or, to start a program of that name: modelrun -- %s", strings.Join(ours, " "), strings.Join(append([]string{l.Name}, tail...), " "))
		}
		return l, nil
	}
	// The words that kong left begin the program. They are counted, and taken from
	// args, because kong does not keep every byte.
	switch n := len(into.Run.Command); {
	case n == 0 && dashed:
		l.Program = tail
	case n > 0:
		l.Program = args[len(ours)-n:]
		if !config.IsProgram(l.Program[0]) {
			return l, notAProgram(l.Program, ours[:len(ours)-n], g.names())
		}
	}
	return l, nil
}

// parseRun parses a command line that names no sub-command, with the small grammar.
// If that grammar refuses the line, or help is asked for, ctx is nil: the whole
// grammar then gives the reason.
func parseRun(ours []string, g Grammar) (into *runGrammar, ctx *kong.Context) {
	names := g.names()
	if slices.ContainsFunc(ours, func(w string) bool { return w != runName && slices.Contains(names, w) }) {
		return nil, nil
	}
	into = newGrammar(g.Settings)
	k, err := newRunKong(into)
	if err != nil {
		return nil, nil
	}
	if ctx, err = k.Parse(ours); err != nil {
		return nil, nil
	}
	return into, ctx
}

// parseAll parses with the whole grammar.
func parseAll(ours []string, g Grammar, stdout, stderr io.Writer) (*runGrammar, *kong.Context, error) {
	helped := false
	into := newGrammar(g.Settings)
	k, err := newKong(g, into, kong.Writers(stdout, stderr), kong.Exit(func(int) { helped = true }))
	if err != nil {
		return nil, nil, fault.New(fault.Internal, "%w", err).Fix("report this text")
	}
	ctx, err := k.Parse(ours)
	switch {
	case helped:
		return nil, nil, ErrHelp
	case err != nil:
		return nil, nil, usage(err, helpFor(err))
	}
	return into, ctx, nil
}

// notAProgram returns the error for a first word that is not an option, a
// sub-command, a python or a script.
func notAProgram(program, before, subs []string) error {
	word := program[0]
	if word == "help" {
		return fault.New(fault.BadUsage, "unknown command %q", word).Fix("modelrun --help")
	}
	again := strings.Join(append(append([]string{"modelrun"}, before...), append([]string{"--"}, program...)...), " ")
	if near := fault.Nearest(word, subs); near != "" && near != word { // equal if the name of a sub-command follows "run"
		return fault.New(fault.BadUsage, "unknown command %q, did you mean %q?", word, near).
			Fix("modelrun %s   # or, to start a program of that name: %s", near, again)
	}
	return fault.New(fault.BadUsage, "unknown command %q", word).
		Fix("to start a program, put -- before it: %s", again)
}

// helpFor returns the command that prints the help for the words that were typed.
func helpFor(err error) string {
	help := "modelrun "
	if bad := (*kong.ParseError)(nil); errors.As(err, &bad) {
		for _, p := range bad.Context.Path {
			if c := p.Command; c != nil && c.Name != runName {
				help += c.Name + " "
			}
		}
	}
	return help + "--help"
}

// usage turns an error from kong into ours. kong itself suggests the nearest flag.
func usage(err error, help string) error {
	if errors.As(err, new(*fs.PathError)) { // the help could not be written
		return err
	}
	for _, text := range []string{": expected string value but got ", ": expected int value but got ", ": missing value, "} { // the next option follows, or nothing
		if flag, _, ok := strings.Cut(err.Error(), text); ok {
			return fault.New(fault.BadUsage, "flag %s needs a value", flag).Fix("%s", help)
		}
	}
	if list, got, ok := strings.Cut(err.Error(), " but got "); ok { // one of several choices: bash, zsh, …
		_, list, _ = strings.Cut(list, "must be one of ")
		names := strings.FieldsFunc(list, func(r rune) bool { return r == '"' || r == ',' })
		if near := fault.Nearest(strings.Trim(got, `"`), names); near != "" {
			return fault.New(fault.BadUsage, "%s", err).Fix("did you mean %q? they are %s", near, strings.Join(names, ", "))
		}
	}
	return fault.New(fault.BadUsage, "%s", err).Fix("%s", help)
}
