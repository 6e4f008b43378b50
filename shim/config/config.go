package config

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// Value is the value of one setting, and its source.
type Value struct {
	Text    string // the value, as a source writes it
	From    string // "default", "flag --root", "variable MODELRUN_ROOT", or a file's path
	Project string // the folder of the project whose file sets it; "" if the user sets it

	under *Value // the value without the project's file
}

// fromDefault is the source of a value that nothing sets.
const fromDefault = "default"

// Flags holds the settings that the command line gives, by name. Each entry of a
// list ends with a newline. An empty value means that the flag is not given.
type Flags map[string]string

// Config holds the values of all settings. Each value comes from the strongest
// source that sets it: flag > variable > project's file > script > user's file >
// machine's file > default. A Config never changes; [Config.With] makes a new one.
//
// Its maps and slices are shared: do not change them.
type Config struct {
	table      Table
	values     []Value
	vars       map[string]Value
	envs       map[string]OwnEnv
	needs      []requirement.Requirement
	terms      requirement.Terms
	ignored    []string
	outsiders  map[string]string
	unknown    []string
	unnamed    Value
	base       string
	script     string
	scriptDirs []string
	root       root
}

// root is the root that was found.
type root struct {
	dir  envdir.Root
	from string
	err  error
}

// Row is one setting with its value.
type Row struct {
	Setting
	Value
}

// Value returns the value of a setting. It panics on an unknown name, which is a
// programming error.
func (c Config) Value(name string) Value {
	i := c.table.index(name)
	if i < 0 {
		panic("config: there is no setting " + name)
	}
	return c.values[i]
}

// String returns the value of a setting as text.
func (c Config) String(name string) string { return c.Value(name).Text }

// IsSet reports whether a source other than the default gives a value.
func (c Config) IsSet(name string) bool {
	v := c.Value(name)
	return v.Text != "" && v.From != fromDefault
}

// Bool returns the value of a setting of kind Bool.
func (c Config) Bool(name string) bool { v, _ := parseBool(c.String(name)); return v }

// Age returns the value of a setting of kind Age.
func (c Config) Age(name string) time.Duration { d, _ := parseAge(c.String(name)); return d }

// Duration returns the value of a setting of kind Duration.
func (c Config) Duration(name string) time.Duration {
	d, _ := parseDuration(c.String(name))
	return d
}

// List returns the entries of a setting of kind List.
func (c Config) List(name string) []string { return entries(c.String(name)) }

// Flag returns the value that the command line gives, or "".
func (c Config) Flag(name string) string {
	v := c.Value(name)
	if !strings.HasPrefix(v.From, "flag ") && v.From != fromC {
		return ""
	}
	return v.Text
}

// Rows returns all settings with their values, in the order of the table.
func (c Config) Rows() []Row {
	rows := make([]Row, len(c.table))
	for i := range rows {
		rows[i] = Row{c.table[i], c.values[i]}
	}
	return rows
}

// Table returns the table of the settings in this Config.
func (c Config) Table() Table { return c.table }

// Vars returns the program's variables from [env], by name.
func (c Config) Vars() map[string]Value { return c.vars }

// Envs returns the envs from [envs], by key.
func (c Config) Envs() map[string]OwnEnv { return c.envs }

// Needs returns the packages needed in addition to those of the key: from --with,
// the setting "with", and the script.
func (c Config) Needs() []requirement.Requirement { return c.needs }

// Terms returns where those packages come from, and what limits them: from
// --index and --default-index.
func (c Config) Terms() requirement.Terms { return c.terms }

// Ignored returns one line for each thing that a project's file sets without
// effect.
func (c Config) Ignored() []string { return c.ignored }

// Outsider returns the folder of the project whose [envs] describes key without
// effect, because the root is outside that project. It returns "" if there is no
// such project.
func (c Config) Outsider(key string) string { return c.outsiders[key] }

// Unknown returns the MODELRUN_… variables that belong to no setting.
func (c Config) Unknown() []string { return c.unknown }

// UnnamedModel returns the model that applies when no flag names one.
func (c Config) UnnamedModel() Value { return c.unnamed }

// Base returns the caller's working directory after -C, as an absolute path.
func (c Config) Base() string { return c.base }

// Script returns the script that is started, as the caller wrote it, or "".
func (c Config) Script() string { return c.script }

// Root returns the folder that holds the envs.
func (c Config) Root() envdir.Root { return c.root.dir }

// RootFrom returns the source of the root.
func (c Config) RootFrom() string { return c.root.from }

// RootErr returns the reason why the root cannot be used, or nil.
func (c Config) RootErr() error { return c.root.err }

// With returns a copy in which one setting has another value.
func (c Config) With(name string, v Value) Config {
	c.values = slices.Clone(c.values)
	c.values[c.table.index(name)] = v
	return c
}

// entries splits a list into its entries. A list with newlines has one entry per
// line. Otherwise the entries are words, as in a variable.
func entries(text string) []string {
	if !strings.Contains(text, "\n") {
		return strings.Fields(text)
	}
	return strings.FieldsFunc(text, func(r rune) bool { return r == '\n' })
}

// Lines joins a list into one value. The last entry ends with a newline too, so
// that a single entry with a space in it is not read as two.
func Lines(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return strings.Join(list, "\n") + "\n"
}

func parseBool(s string) (value, ok bool) {
	switch strings.ToLower(s) {
	case "1", "true", "yes", "on":
		return true, true
	case "0", "false", "no", "off", "":
		return false, true
	}
	return false, false
}

// parseDuration parses Go's notation, or a bare number as seconds.
func parseDuration(s string) (time.Duration, bool) {
	if n, err := strconv.Atoi(s); err == nil {
		return time.Duration(n) * time.Second, n >= 0
	}
	d, err := time.ParseDuration(s)
	return d, err == nil && d >= 0
}

// parseAge parses a whole number of hours, days or weeks, or 0. Another number needs
// a unit: "3" would be seconds elsewhere, and who writes it here means days.
func parseAge(s string) (time.Duration, bool) {
	digits := strings.TrimRight(s, " abcdefghijklmnopqrstuvwxyz")
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || len(digits) > 4 {
		return 0, false
	}
	hours := uint64(0)
	switch strings.TrimPrefix(s[len(digits):], " ") {
	case "":
		return 0, s == "0"
	case "h", "hour", "hours":
		hours = 1
	case "d", "day", "days":
		hours = 24
	case "w", "week", "weeks":
		hours = 7 * 24
	default:
		return 0, false
	}
	return time.Duration(n*hours) * time.Hour, true //nolint:gosec // below 192 years
}
