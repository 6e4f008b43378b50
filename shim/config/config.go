package config

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// Value is the value of one setting, and its source.
type Value struct {
	Text    string
	From    string // "default", "flag --root", "variable MODELRUN_ROOT", or a file's path
	Project string // the folder of the project whose file says it; "" the user's own word

	under *Value // the value without the project's word
}

// fromDefault is the source of a value that no one set.
const fromDefault = "default"

// Flags are settings as the command line gives them, by name. An entry of a list
// ends with a line's end; an empty value is not given.
type Flags map[string]string

// Config is all settings with their values: each from the strongest source that
// names it, flag > variable > project's file > script > user's file > machine's
// file > default. It never changes; [Config.With] makes another one.
//
// Its maps and slices are shared: do not change them.
type Config struct {
	table     Table
	values    []Value
	vars      map[string]Value
	envs      map[string]OwnEnv
	needs     []requirement.Requirement
	ignored   []string
	outsiders map[string]string
	unknown   []string
	unnamed   Value
	base      string
	script    string
	root      root
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

// OwnEnv is [envs."key"]: an env that the user describes.
type OwnEnv struct {
	Packages []string `toml:"packages"`
	Index    string   `toml:"index"`
	Python   string   `toml:"python"`
	Imports  []string `toml:"imports"`

	From    string `toml:"-"` // the file
	Project string `toml:"-"` // the folder of the project whose file it is; "" the user's own

	under *OwnEnv // the definition without the project's word
}

// Profile is the same definition as the package of that name knows it.
func (o OwnEnv) Profile() profile.Own {
	return profile.Own{Packages: o.Packages, Index: o.Index, Python: o.Python, Imports: o.Imports, From: o.From}
}

// Value is a setting's value. An unknown name is a programming error: it panics.
func (c Config) Value(name string) Value {
	i := c.table.index(name)
	if i < 0 {
		panic("config: there is no setting " + name)
	}
	return c.values[i]
}

// String is a setting's value as text.
func (c Config) String(name string) string { return c.Value(name).Text }

// IsSet reports whether a source other than the default gives a value.
func (c Config) IsSet(name string) bool {
	v := c.Value(name)
	return v.Text != "" && v.From != fromDefault
}

// Bool is a setting of kind Bool.
func (c Config) Bool(name string) bool { v, _ := parseBool(c.String(name)); return v }

// Duration is a setting of kind Duration.
func (c Config) Duration(name string) time.Duration {
	d, _ := parseDuration(c.String(name))
	return d
}

// List is a setting of kind List.
func (c Config) List(name string) []string { return entries(c.String(name)) }

// Flag is the value that the command line gives; "" none.
func (c Config) Flag(name string) string {
	v := c.Value(name)
	if !strings.HasPrefix(v.From, "flag ") && v.From != fromC {
		return ""
	}
	return v.Text
}

// Rows are all settings, in the order of the table.
func (c Config) Rows() []Row {
	rows := make([]Row, len(c.table))
	for i := range rows {
		rows[i] = Row{c.table[i], c.values[i]}
	}
	return rows
}

// Table is the table of settings that this Config has values for.
func (c Config) Table() Table { return c.table }

// Vars are the program's variables of [env], by name.
func (c Config) Vars() map[string]Value { return c.vars }

// Envs are the envs of [envs], by key.
func (c Config) Envs() map[string]OwnEnv { return c.envs }

// Needs are the packages needed beyond the key: of --with, and of the script.
func (c Config) Needs() []requirement.Requirement { return c.needs }

// Ignored says, a line each, what a project's file sets without effect.
func (c Config) Ignored() []string { return c.ignored }

// Outsider is the folder of the project whose [envs] describes a key without
// effect, because the root is outside that project; "" none does.
func (c Config) Outsider(key string) string { return c.outsiders[key] }

// Unknown are the variables MODELRUN_… that no setting has.
func (c Config) Unknown() []string { return c.unknown }

// UnnamedModel is the model without the command line's word.
func (c Config) UnnamedModel() Value { return c.unnamed }

// Base is the caller's working directory after -C, absolute.
func (c Config) Base() string { return c.base }

// Script is the script that is started, as the caller wrote it; "" none.
func (c Config) Script() string { return c.script }

// Root is the folder that holds the envs.
func (c Config) Root() envdir.Root { return c.root.dir }

// RootFrom says why it is that one.
func (c Config) RootFrom() string { return c.root.from }

// RootErr says why the root cannot be used; nil it can.
func (c Config) RootErr() error { return c.root.err }

// With is a copy in which one setting has another value.
func (c Config) With(name string, v Value) Config {
	c.values = slices.Clone(c.values)
	c.values[c.table.index(name)] = v
	return c
}

// entries are those of a list: lines, or, as a variable holds them, words.
func entries(text string) []string {
	if !strings.Contains(text, "\n") {
		return strings.Fields(text)
	}
	return strings.FieldsFunc(text, func(r rune) bool { return r == '\n' })
}

// Lines writes a list as one value. The last entry ends its line as well, so that
// a single entry with a space in it is not taken for a variable's two entries.
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

// parseDuration takes Go's notation, and bare numbers as seconds.
func parseDuration(s string) (time.Duration, bool) {
	if n, err := strconv.Atoi(s); err == nil {
		return time.Duration(n) * time.Second, n >= 0
	}
	d, err := time.ParseDuration(s)
	return d, err == nil && d >= 0
}
