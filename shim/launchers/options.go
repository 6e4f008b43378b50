package launchers

import (
	"cmp"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/shim/app"
	"github.com/modelrun/modelrun/shim/cli"
	"github.com/modelrun/modelrun/shim/config"
)

// launcherOption is one option of modelrun in a launcher.
type launcherOption struct {
	config.Setting
	value string // "" if it is not given; a list has a line for each entry
}

// launcherOptions returns the options that a launcher passes to modelrun: those of
// this command line, and for the others those that the launcher had before. before
// is nil for a new launcher. Relative paths start at the working directory after
// -C.
func launcherOptions(c config.Config, line cli.Line, before *cli.Line) []string {
	options := optionsOf(c.Table(), line)
	for i := range options {
		options[i].value = options[i].absolute(c.Base())
	}
	if before != nil {
		keepOptions(options, optionsOf(c.Table(), *before))
	}
	out := []string{}
	for _, o := range options {
		out = append(out, o.args()...)
	}
	return out
}

// hasOptions reports whether this command line gives options that a launcher keeps.
func hasOptions(a *app.App) bool {
	return slices.ContainsFunc(optionsOf(a.Table, a.Line), func(o launcherOption) bool { return o.value != "" })
}

// optionsOf returns all options, given or not, in the order in which a launcher has
// them: as in the help, but with durations before the first switch.
func optionsOf(table config.Table, line cli.Line) []launcherOption {
	rows := table.Flags()
	first := slices.IndexFunc(rows, func(s config.Setting) bool { return s.Kind == config.Bool })
	slices.SortStableFunc(rows[max(first, 0):], func(a, b config.Setting) int {
		return cmp.Compare(rank(a), rank(b))
	})
	var out []launcherOption
	for _, row := range rows {
		value := line.Flags[row.Name]
		if row.Kind == config.List {
			value = strings.TrimSuffix(value, "\n") // [config.Lines] writes it this way
		}
		out = append(out, launcherOption{row, value})
	}
	return append(out, switchOption("quiet", line.Quiet), switchOption("verbose", line.Verbose))
}

// rank returns the position in the order of [optionsOf]: durations come first.
func rank(s config.Setting) int {
	if s.Kind == config.Duration {
		return 0
	}
	return 1
}

// switchOption returns an option that is not a setting and has no value.
func switchOption(flag string, given bool) launcherOption {
	o := launcherOption{Setting: config.Setting{Flag: flag, Kind: config.Bool}}
	if given {
		o.value = "true"
	}
	return o
}

// absolute returns the option's value with any relative path made absolute. A model
// is a path if it exists. -C has already been applied, so its value is base.
func (o launcherOption) absolute(base string) string {
	switch {
	case o.value == "":
		return ""
	case o.Name == "cwd":
		return base
	case o.Kind == config.Path, o.Name == "model" && fsys.Exists(fsys.Absolute(o.value, base)):
		return fsys.Absolute(o.value, base)
	}
	return o.value
}

// keepOptions fills in the options that this command line does not give. It does
// not add -C to a launcher that had none, because the start folder has the same
// effect.
func keepOptions(options, before []launcherOption) {
	for i := range options {
		if options[i].value == "" || options[i].Name == "cwd" && before[i].value == "" {
			options[i].value = before[i].value
		}
	}
}

// args returns the option as words of a command line.
func (o launcherOption) args() []string {
	switch {
	case o.value == "":
		return nil
	case o.Kind == config.Bool:
		return []string{"--" + o.Flag}
	case o.Kind != config.List:
		return []string{"--" + o.Flag + "=" + o.value}
	}
	var out []string
	for entry := range strings.SplitSeq(o.value, "\n") {
		out = append(out, "--"+o.Flag+"="+entry)
	}
	return out
}
