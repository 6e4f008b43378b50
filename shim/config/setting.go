// Package config finds the root and the value of each setting. The sources are the
// command line, variables, a project's file, a script, the user's file and the
// machine's file.
//
// [Settings] is the one table of settings. Flags, variables, keys of a file,
// `modelrun config`, the help, the man page, completion and the JSON schema of a
// file all come from it. [Load] turns the sources into a [Config], which never
// changes.
package config

import (
	"slices"
	"strings"
)

// Kind is how a setting's value is written.
type Kind int

// The kinds of settings.
const (
	Text     Kind = iota
	Path          // a relative path is relative to the folder of its source
	Bool          // true or false
	Duration      // 90, 30s, 5m, 2h
	Age           // 3 days, 72h, 1 week, 0
	List          // separated by spaces in a variable; an array in a file; a flag that may be repeated
)

// Setting is one row of the table: everything about a setting except its value.
type Setting struct {
	Name     string   // in a file and in `modelrun config`; "index.torch" is torch in the table [index]
	Kind     Kind     // how its value is written
	Default  string   // the value if no source sets one
	Allowed  []string // the only allowed values; nil allows any value of its kind
	Variable string   // "" if it has none
	Personal bool     // not from a project's file: it names a program, trusted users, or a file to write
	Installs bool     // from a project's file only in a root inside that project
	Help     string   // one sentence

	Flag        string // without dashes; "" if it has none
	Short       string // one letter; "" if it has none
	Placeholder string // the placeholder for the flag's value in the help
	Group       string // the flag's group in the help
	HelpLast    bool   // the help shows it after the other flags of its group
	Leads       bool   // the flag leads to another env, so a command to paste repeats it
}

// The groups of flags, in the order of the help.
const (
	groupTarget  = "What to start it in:"
	groupLimits  = "How far it may go:"
	groupProgram = "What the program sees:"
	GroupOutput  = "What is said:"
)

// Table holds all settings, in the order in which `modelrun config` shows them.
type Table []Setting

// Settings returns the table.
func Settings() Table {
	return Table{
		{Name: "root", Kind: Path, Variable: "MODELRUN_ROOT", Flag: "root", Placeholder: "DIR", Group: groupTarget, HelpLast: true, Help: "Folder that holds .envs/."},
		{Name: "model", Variable: "MODELRUN_MODEL", Flag: "model", Short: "m", Placeholder: "MODEL", Group: groupTarget, Help: "Model: a folder, a file, or org/name."},
		{Name: "env_key", Variable: "MODELRUN_ENV", Flag: "env", Short: "e", Placeholder: "KEY", Group: groupTarget, Leads: true, Help: "Env key, for example torch-cu121-transformers-bnb."},
		{Name: "family", Variable: "MODELRUN_FAMILY", Flag: "family", Placeholder: "NAME", Group: groupTarget, Leads: true, Help: "Family: transformers, diffusers, llamacpp, ctranslate2, onnx, openvino, mlx or vllm."},
		{Name: "profile", Variable: "MODELRUN_PROFILE", Flag: "profile", Placeholder: "NAME", Group: groupTarget, Leads: true, Help: "Hardware profile."},
		{Name: "cwd", Kind: Path, Variable: "MODELRUN_CWD", Flag: "cwd", Short: "C", Placeholder: "DIR", Group: groupTarget, HelpLast: true, Help: "Change to DIR first, as git does."},
		{Name: "wait", Kind: Duration, Default: "30m", Variable: "MODELRUN_WAIT", Flag: "wait", Placeholder: "TIME", Group: groupLimits, HelpLast: true, Help: "How long another creator may make no progress (30m)."},
		{Name: "create_timeout", Kind: Duration, Default: "10m", Variable: "MODELRUN_CREATE_TIMEOUT", Flag: "create-timeout", Placeholder: "TIME", Group: groupLimits, HelpLast: true, Help: "How long our installer may make no progress (10m)."},
		{Name: "no_create", Kind: Bool, Default: "false", Variable: "MODELRUN_NO_CREATE", Flag: "no-create", Group: groupLimits, Help: "Never create an environment."},
		{Name: "no_degraded", Kind: Bool, Default: "false", Variable: "MODELRUN_NO_DEGRADED", Flag: "no-degraded", Group: groupLimits, Help: "Never use an environment that is not known to work."},
		{Name: "require_gpu", Kind: Bool, Default: "false", Variable: "MODELRUN_REQUIRE_GPU", Flag: "require-gpu", Group: groupLimits, Help: "Fail when no GPU can be used."},
		{Name: "offline", Kind: Bool, Default: "false", Variable: "MODELRUN_OFFLINE", Flag: "offline", Group: groupLimits, Help: "Never use the network."},
		{Name: "isolated", Kind: Bool, Default: "false", Variable: "MODELRUN_ISOLATED", Flag: "isolated", Group: groupProgram, Help: "Remove PYTHONPATH from the program's environment."},
		{Name: "env_file", Kind: Path, Variable: "MODELRUN_ENV_FILE", Flag: "env-file", Placeholder: "FILE", Group: groupProgram, Help: "Variables for the program, KEY=VALUE a line."},
		{Name: "status_file", Kind: Path, Variable: "MODELRUN_STATUS_FILE", Personal: true, Flag: "status-file", Placeholder: "FILE", Group: GroupOutput, Help: "Write what happened as JSON."},
		{Name: "log_level", Default: "info", Allowed: []string{"error", "warn", "info", "debug", "trace"}, Variable: "MODELRUN_LOG_LEVEL", Flag: "log-level", Placeholder: "LEVEL", Group: GroupOutput, Help: "error, warn, info, debug or trace (info)."},
		{Name: "log_format", Default: "text", Allowed: []string{"text", "json"}, Variable: "MODELRUN_LOG_FORMAT", Flag: "log-format", Placeholder: "FORMAT", Group: GroupOutput, Help: "text or json (text)."},
		{Name: "log_file", Kind: Path, Variable: "MODELRUN_LOG_FILE", Personal: true, Flag: "log-file", Placeholder: "FILE", Group: GroupOutput, Help: "Append the log to FILE as well."},
		{Name: "uv", Kind: Path, Variable: "MODELRUN_UV", Personal: true, Help: "The uv to use."},
		{Name: "index.default", Variable: "MODELRUN_INDEX_DEFAULT", Installs: true, Flag: "default-index", Placeholder: "URL", Group: groupTarget, HelpLast: true, Leads: true, Help: "URL of the package index that replaces PyPI."},
		{Name: "index.extra", Kind: List, Variable: "MODELRUN_INDEX_EXTRA", Installs: true, Flag: "index", Placeholder: "URL", Group: groupTarget, HelpLast: true, Leads: true, Help: "URL of a package index that is asked first; may be repeated."},
		{Name: "index.torch", Variable: "MODELRUN_INDEX_TORCH", Installs: true, Help: "URL of the package index that replaces PyTorch's own."},
		{Name: "index.find_links", Kind: List, Variable: "MODELRUN_FIND_LINKS", Installs: true, Help: "Folders and pages with wheels."},
		{Name: "cooldown", Kind: Age, Default: "3 days", Variable: "MODELRUN_COOLDOWN", Installs: true, Help: "How old a release must be to be installed, such as 3 days; 0 for any age."},
		{Name: "trusted_owners", Kind: List, Personal: true, Help: "Users whose environments may be used, by name or number."},
		{Name: "with", Kind: List, Variable: "MODELRUN_WITH", Flag: "with", Placeholder: "PKG", Group: groupTarget, Leads: true, Help: "A package beyond the key: 'rich>=13', ./folder or 'name @ URL'; may be repeated."}, // any source may set it: see needs.go
		{Name: "requirements", Kind: Path, Variable: "MODELRUN_REQUIREMENTS", Installs: true, Flag: "with-requirements", Placeholder: "FILE", Group: groupTarget, Leads: true, Help: "A pip requirements file whose packages are needed as well."},
		{Name: "lock", Kind: Path, Variable: "MODELRUN_LOCK", Installs: true, Flag: "lock", Placeholder: "FILE", Group: groupTarget, Leads: true, Help: "A pylock.toml: exactly its packages, in an environment of its own."},
		{Name: "python", Variable: "MODELRUN_PYTHON", Flag: "python", Placeholder: "VERSION", Group: groupTarget, Leads: true, Help: "Version of Python, such as 3.11 or '>=3.11'."},
	}
}

// Flags returns the settings that have a flag, in the order of the help.
func (t Table) Flags() []Setting {
	var rows []Setting
	for _, group := range []string{groupTarget, groupLimits, groupProgram, GroupOutput} {
		for _, last := range []bool{false, true} {
			for _, s := range t {
				if s.Flag != "" && s.Group == group && s.HelpLast == last {
					rows = append(rows, s)
				}
			}
		}
	}
	return rows
}

// Flag returns the setting that a flag sets. ok is false if no setting has that
// flag.
func (t Table) Flag(name string) (s Setting, ok bool) {
	return t.find(func(s *Setting) bool { return s.Flag == name && name != "" })
}

func (t Table) find(match func(*Setting) bool) (s Setting, ok bool) {
	for i := range t {
		if match(&t[i]) {
			return t[i], true
		}
	}
	return Setting{}, false
}

// index returns the row of a setting, or -1 if there is none.
func (t Table) index(name string) int {
	for i := range t {
		if t[i].Name == name {
			return i
		}
	}
	return -1
}

// names returns the keys of a file, for an error.
func (t Table) names() []string {
	names := []string{"env", "envs", "index"}
	for i := range t {
		names = append(names, t[i].Name)
	}
	return names
}

// Variables returns the names of all variables that set something.
func (t Table) Variables() []string {
	var names []string
	for i := range t {
		if t[i].Variable != "" {
			names = append(names, t[i].Variable)
		}
	}
	return names
}

// otherVariable reports whether a variable is one of ours that sets nothing.
func otherVariable(name string) bool {
	return slices.Contains([]string{"MODELRUN_HARDWARE_ROOT"}, name) || strings.HasPrefix(name, "MODELRUN_ACTIVE_")
}
