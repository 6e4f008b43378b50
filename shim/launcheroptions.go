package shim

import "strings"

// option is one of modelrun's own as it stands in a launcher.
type option struct {
	name, value string // without "--"; "" not given
	yes, path   bool   // it takes no value; its value is a path
}

type options []option

// options are those of the command line, all in one order.
func (f flags) options() options {
	return options{
		{name: "model", value: f.Model}, {name: "env", value: f.Env}, {name: "family", value: f.Family}, {name: "profile", value: f.Profile},
		{name: "with", value: strings.Join(f.With, "\n")},
		{name: "root", value: f.Root, path: true}, {name: "cwd", value: f.Cwd, path: true},
		{name: "wait", value: f.Wait}, {name: "create-timeout", value: f.CreateTimeout},
		{name: "no-create", value: given(f.NoCreate), yes: true}, {name: "no-degraded", value: given(f.NoDegraded), yes: true},
		{name: "require-gpu", value: given(f.RequireGPU), yes: true}, {name: "offline", value: given(f.Offline), yes: true},
		{name: "isolated", value: given(f.Isolated), yes: true}, {name: "env-file", value: f.EnvFile, path: true},
		{name: "status-file", value: f.StatusFile, path: true}, {name: "log-level", value: f.LogLevel}, {name: "log-format", value: f.LogFormat},
		{name: "log-file", value: f.LogFile, path: true}, {name: "quiet", value: given(f.Quiet), yes: true}, {name: "verbose", value: given(f.Verbose), yes: true},
	}
}

func (o options) any() bool {
	for _, one := range o {
		if one.value != "" {
			return true
		}
	}
	return false
}

// words are the options for a launcher: what is given here, else what an
// earlier launcher had. Relative paths start at base, where -C has led already.
func (o options) words(before options, base string) []string {
	out := []string{}
	for i, one := range o {
		value := one.value
		switch {
		case value != "" && one.name == "cwd":
			value = base
		case value != "" && (one.path || one.name == "model" && exists(absolute(value, base))):
			value = absolute(value, base)
		}
		if len(before) > 0 {
			if one.name == "cwd" && before[i].value == "" {
				value = "" // the start folder says it
			}
			if value == "" {
				value = before[i].value
			}
		}
		switch {
		case value == "":
		case one.yes:
			out = append(out, "--"+one.name)
		case one.name == "with":
			for _, v := range strings.Split(value, "\n") {
				out = append(out, "--with="+v)
			}
		default:
			out = append(out, "--"+one.name+"="+value)
		}
	}
	return out
}
