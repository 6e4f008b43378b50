package cli

import (
	"cmp"
	"reflect"
	"strconv"

	"github.com/alecthomas/kong"

	"github.com/modelrun/modelrun/shim/config"
)

// options is kong's model of the options that every sub-command has. The options of
// settings come from the table: see [optionsType].
type options struct {
	Settings    any  `embed:""`
	ShowVersion bool `name:"version" short:"V" help:"Print the version."`
}

// runGrammar is kong's model of a command line that starts a program.
type runGrammar struct {
	options

	Run struct {
		Command []string `arg:"" optional:"" passthrough:"partial" help:"What to start: -- python script.py …"`
	} `cmd:"" default:"withargs" help:"Start a program in the right environment (default)."`
}

// newGrammar returns a model for kong to fill.
func newGrammar(t config.Table) *runGrammar {
	var g runGrammar
	g.Settings = reflect.New(optionsType(t)).Interface()
	return &g
}

// optionsType returns a struct type with a field for each setting that has a flag,
// in the order of the help, and fields for -q and -v:
//
//	struct {
//		Model string `name:"model" short:"m" group:"…" placeholder:"MODEL" help:"…"`
//		…
//	}
func optionsType(t config.Table) reflect.Type {
	var fields []reflect.StructField
	group := ""
	for i, s := range t.Flags() {
		if s.Group != group && s.Group == config.GroupOutput {
			fields = append(fields,
				reflect.StructField{Name: "Quiet", Type: reflect.TypeFor[bool](), Tag: tag(s.Group, "quiet", "q", "", "Only warnings and errors.")},
				reflect.StructField{Name: "Verbose", Type: reflect.TypeFor[bool](), Tag: tag(s.Group, "verbose", "v", "", "Say how the decision was made (debug).")})
		}
		group = s.Group
		f := reflect.StructField{Name: fieldName(i), Type: reflect.TypeFor[string](), Tag: tag(s.Group, s.Flag, s.Short, s.Placeholder, s.Help)}
		switch s.Kind {
		case config.Bool:
			f.Type = reflect.TypeFor[bool]()
		case config.List:
			f.Type, f.Tag = reflect.TypeFor[[]string](), f.Tag+` sep:"none"`
		case config.Text, config.Path, config.Duration:
		}
		fields = append(fields, f)
	}
	return reflect.StructOf(fields)
}

// fieldName returns the name of the field for the i-th setting that has a flag.
func fieldName(i int) string { return "S" + strconv.Itoa(i) }

// tag returns kong's tag of an option. It leaves empty values out.
func tag(group, name, short, placeholder, help string) reflect.StructTag {
	text := ""
	for _, part := range [][2]string{{"name", name}, {"short", short}, {"group", group}, {"placeholder", placeholder}, {"help", help}} {
		if part[1] != "" {
			text += part[0] + ":" + strconv.Quote(part[1]) + " "
		}
	}
	return reflect.StructTag(text)
}

// line returns what kong filled in, except the program.
func (g *runGrammar) line(t config.Table) Line {
	v := reflect.ValueOf(g.Settings).Elem()
	l := Line{
		Flags: config.Flags{}, Version: g.ShowVersion,
		Quiet: v.FieldByName("Quiet").Bool(), Verbose: v.FieldByName("Verbose").Bool(),
	}
	for i, s := range t.Flags() {
		text := ""
		switch value := v.FieldByName(fieldName(i)).Interface().(type) {
		case string:
			text = value
		case bool:
			if value {
				text = "true"
			}
		case []string:
			text = config.Lines(value)
		}
		if text != "" {
			l.Flags[s.Name] = text
		}
	}
	return l
}

// newKong returns kong with the whole grammar and our help.
func newKong(g Grammar, into *runGrammar, more ...kong.Option) (*kong.Kong, error) {
	opts := append(more, bareStrings(), kong.Name("modelrun"), kong.Description(description), kong.Help(printHelp),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, FlagsLast: true, WrapUpperBound: 80}))
	for i := range g.Subs {
		sub := &g.Subs[i]
		if sub.Name == runName {
			continue // already in runGrammar
		}
		opts = append(opts, kong.DynamicCommand(sub.Name, sub.Help, "", cmp.Or[any](sub.Options, &struct{}{})))
	}
	k, err := kong.New(into, opts...)
	if err != nil {
		return nil, err
	}
	for _, node := range k.Model.Children {
		node.Detail = g.examples(node.Name)
	}
	return k, nil
}

func (g Grammar) examples(name string) string {
	for i := range g.Subs {
		if g.Subs[i].Name == name {
			return g.Subs[i].Examples
		}
	}
	return ""
}

// newRunKong returns kong with only the options. Adding all sub-commands would cost
// 0.6 ms more at every start that has an option.
func newRunKong(into *runGrammar) (*kong.Kong, error) {
	return kong.New(into, kong.Name("modelrun"), kong.NoDefaultHelp(), bareStrings())
}

// bareStrings makes kong accept a string unchanged. By default kong passes a string
// through JSON, which replaces bytes that are not UTF-8, as in an old folder's
// name.
func bareStrings() kong.Option {
	return kong.KindMapper(reflect.String, kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
		token, err := ctx.Scan.PopValue("string")
		if err == nil {
			target.SetString(token.String())
		}
		return err
	}))
}
