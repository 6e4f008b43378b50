package shim

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// id is one setting that is a single value.
type id int

const (
	sRoot id = iota
	sModel
	sEnv
	sFamily
	sProfile
	sCwd
	sWait
	sCreateTimeout
	sNoCreate
	sNoDegraded
	sRequireGPU
	sOffline
	sIsolated
	sEnvFile
	sStatusFile
	sLogLevel
	sLogFormat
	sLogFile
	sUV
	sIndexDefault
	sIndexTorch
	sFindLinks
	sTrustedOwners
	sWith
	settingCount
)

// kind says how a value is read.
type kind int

const (
	text kind = iota
	path      // relative ones start at the folder of what names them
	yesno
	duration
	list // in a variable separated by spaces; in a file an array, kept a line each
)

// spec is what is known of a setting before anybody sets it.
type spec struct {
	name     string // in a file and in `modelrun config`
	variable string
	kind     kind
	value    string // the default
	personal bool   // not from a project file: it names a program, whom to trust, or a file to write
	installs bool   // from a project file only in a root inside that project
}

// specs is the one table of settings.
var specs = [settingCount]spec{
	sRoot:          {name: "root", variable: "MODELRUN_ROOT", kind: path},
	sModel:         {name: "model", variable: "MODELRUN_MODEL"},
	sEnv:           {name: "env_key", variable: "MODELRUN_ENV"},
	sFamily:        {name: "family", variable: "MODELRUN_FAMILY"},
	sProfile:       {name: "profile", variable: "MODELRUN_PROFILE"},
	sCwd:           {name: "cwd", variable: "MODELRUN_CWD", kind: path},
	sWait:          {name: "wait", variable: "MODELRUN_WAIT", kind: duration, value: "30m"},
	sCreateTimeout: {name: "create_timeout", variable: "MODELRUN_CREATE_TIMEOUT", kind: duration, value: "10m"},
	sNoCreate:      {name: "no_create", variable: "MODELRUN_NO_CREATE", kind: yesno, value: "false"},
	sNoDegraded:    {name: "no_degraded", variable: "MODELRUN_NO_DEGRADED", kind: yesno, value: "false"},
	sRequireGPU:    {name: "require_gpu", variable: "MODELRUN_REQUIRE_GPU", kind: yesno, value: "false"},
	sOffline:       {name: "offline", variable: "MODELRUN_OFFLINE", kind: yesno, value: "false"},
	sIsolated:      {name: "isolated", variable: "MODELRUN_ISOLATED", kind: yesno, value: "false"},
	sEnvFile:       {name: "env_file", variable: "MODELRUN_ENV_FILE", kind: path},
	sStatusFile:    {name: "status_file", variable: "MODELRUN_STATUS_FILE", kind: path, personal: true},
	sLogLevel:      {name: "log_level", variable: "MODELRUN_LOG_LEVEL", value: "info"},
	sLogFormat:     {name: "log_format", variable: "MODELRUN_LOG_FORMAT", value: "text"},
	sLogFile:       {name: "log_file", variable: "MODELRUN_LOG_FILE", kind: path, personal: true},
	sUV:            {name: "uv", variable: "MODELRUN_UV", kind: path, personal: true},
	sIndexDefault:  {name: "index.default", variable: "MODELRUN_INDEX_DEFAULT", installs: true},
	sIndexTorch:    {name: "index.torch", variable: "MODELRUN_INDEX_TORCH", installs: true},
	sFindLinks:     {name: "index.find_links", variable: "MODELRUN_FIND_LINKS", kind: list, installs: true},
	sTrustedOwners: {name: "trusted_owners", kind: list, personal: true},
	sWith:          {name: "with", variable: "MODELRUN_WITH", kind: list}, // from everybody: see with.go
}

// other variables of ours that are no settings.
var otherVariables = [...]string{"MODELRUN_HARDWARE_ROOT"}

// setting is one value and where it came from.
type setting struct {
	value   string
	from    string // "default", "flag --root", "variable MODELRUN_ROOT", or a file
	project string // the folder of the project that says so; "" for what is the user's own

	under *setting // what counts where the project's word does not
}

// settings are all values, each from the strongest that names it:
// flag > variable > project file > script > user file > system file > default.
type settings struct {
	one        [settingCount]setting
	env        map[string]setting        // [env]: variables for the program
	envs       map[string]ownEnv         // [envs."key"]
	needs      []requirement.Requirement // beyond the key: sWith, and what the script needs
	script     scriptNeeds
	scriptFrom string
	ignored    []string          // what a project file says in vain, one line each
	outsiders  map[string]string // keys of [envs] among that, with their project's folder
	base       string            // the caller's working directory after -C, absolute
}

func (s *settings) get(i id) string { return s.one[i].value }

func (s *settings) isSet(i id) bool { return s.one[i].value != "" && s.one[i].from != "default" }

// yes, time and list read a value that set has checked.
func (s *settings) yes(i id) bool { v, _ := parseBool(s.one[i].value); return v }

func (s *settings) time(i id) time.Duration {
	d, _ := parseDuration(s.one[i].value)
	return d
}

func (s *settings) list(i id) []string {
	if value := s.one[i].value; !strings.Contains(value, "\n") {
		return strings.Fields(value) // of a variable
	}
	return strings.FieldsFunc(s.one[i].value, func(r rune) bool { return r == '\n' })
}

// set keeps a value. dir is where relative paths start. An empty value is one
// that is not set.
func (s *settings) set(i id, value, from, dir string) error {
	if value == "" {
		return nil
	}
	bad := func(want string) error {
		return fault.New(fault.BadConfig, "%s: %s = %q is not %s", from, specs[i].name, value, want).
			Fix("give %s, or unset it; modelrun config shows every value and its origin", want)
	}
	switch specs[i].kind {
	case path:
		if err := checkName(i, value, from); err != nil {
			return err
		}
		value = absolute(value, dir)
	case yesno:
		v, ok := parseBool(value)
		if !ok {
			return bad("true or false")
		}
		value = strconv.FormatBool(v)
	case duration:
		if _, ok := parseDuration(value); !ok {
			return bad("a time such as 90, 30s, 5m or 2h")
		}
	case text, list:
	}
	if names := allowed(i); names != nil && !slices.Contains(names, value) {
		want := "one of " + strings.Join(names, ", ")
		if near := nearest(value, names); near != "" {
			return fault.New(fault.BadConfig, "%s: %s = %q is not %s", from, specs[i].name, value, want).Fix("did you mean %q?", near)
		}
		return bad(want)
	}
	s.one[i] = setting{value: value, from: from}
	return nil
}

// allowed are the only values that a setting may have; nil where it may have any.
func allowed(i id) []string {
	switch i {
	case sLogLevel:
		return []string{"error", "warn", "info", "debug", "trace"}
	case sLogFormat:
		return []string{"text", "json"}
	}
	return nil
}

// settingNamed is the setting of an option, settingCount where it is none.
func settingNamed(flag string) id {
	for i := range specs {
		if specs[i].name == strings.ReplaceAll(flag, "-", "_") {
			return id(i)
		}
	}
	return settingCount
}

// defaults is where settings begin.
func defaults(base string) *settings {
	s := &settings{base: base}
	for i := range specs {
		s.one[i] = setting{value: specs[i].value, from: "default"}
	}
	return s
}

// variables applies MODELRUN_*. MODELRUN_ACTIVE_* is what modelrun tells a
// program; it is never read as a setting, so that a program that starts a
// second model does not hand it the first one's name.
func (s *settings) variables(env execx.Environ) (unknown []string, err error) {
	for _, entry := range env {
		if !strings.HasPrefix(entry, "MODELRUN_") || strings.HasPrefix(entry, "MODELRUN_ACTIVE_") {
			continue
		}
		name, value, _ := strings.Cut(entry, "=")
		i, known := variableNamed(name)
		if !known {
			if value != "" && !slices.Contains(otherVariables[:], name) {
				unknown = append(unknown, name)
			}
			continue
		}
		if err := s.set(i, value, "variable "+name, s.base); err != nil {
			return nil, err
		}
	}
	return unknown, nil
}

func variableNamed(name string) (id, bool) {
	for i := range specs {
		if specs[i].variable == name {
			return id(i), true
		}
	}
	return 0, false
}

// flags applies the command line.
func (s *settings) flags(f flags) error {
	level := f.LogLevel
	if level == "" && f.Verbose {
		level = "debug"
	}
	if level == "" && f.Quiet {
		level = "warn"
	}
	for _, v := range []struct {
		i     id
		flag  string
		value string
	}{
		{sRoot, "root", f.Root}, {sModel, "model", f.Model}, {sEnv, "env", f.Env}, {sFamily, "family", f.Family},
		{sProfile, "profile", f.Profile}, {sWait, "wait", f.Wait}, {sCreateTimeout, "create-timeout", f.CreateTimeout},
		{sNoCreate, "no-create", given(f.NoCreate)}, {sNoDegraded, "no-degraded", given(f.NoDegraded)},
		{sRequireGPU, "require-gpu", given(f.RequireGPU)}, {sOffline, "offline", given(f.Offline)},
		{sIsolated, "isolated", given(f.Isolated)}, {sEnvFile, "env-file", f.EnvFile}, {sStatusFile, "status-file", f.StatusFile},
		{sLogLevel, "log-level", level}, {sLogFormat, "log-format", f.LogFormat}, {sLogFile, "log-file", f.LogFile}, {sWith, "with", lines(f.With)},
	} {
		if err := s.set(v.i, v.value, "flag --"+v.flag, s.base); err != nil {
			return err
		}
	}
	return nil
}

// familyFirst drops a key where the family comes from a stronger place: a flag,
// else a variable, else a file.
func (s *settings) familyFirst() {
	rank := func(i id) int {
		kind, _, _ := strings.Cut(s.one[i].from, " ")
		return slices.Index([]string{"variable", "flag"}, kind) // a file's name is neither
	}
	if s.isSet(sFamily) && rank(sFamily) > rank(sEnv) {
		s.one[sEnv] = setting{from: "default"}
	}
}

func given(b bool) string {
	if b {
		return "true"
	}
	return ""
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

func absolute(p, dir string) string { return fsys.Absolute(p, dir) }
