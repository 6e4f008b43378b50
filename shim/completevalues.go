package shim

import (
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/hashicorp/go-hclog"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/store"
)

// value is what an option or an argument may be. before stands in front of each
// offer: "--env=".
func (t *typed) value(v *kong.Value, before, word string, s *session) answer {
	a := answer{how: onlyWords}
	kind := v.Name
	if v.Flag != nil && (v.Flag.PlaceHolder == "FILE" || v.Flag.PlaceHolder == "DIR") {
		kind = v.Flag.PlaceHolder
	}
	switch kind {
	case "FILE":
		a.how = andFiles
	case "DIR":
		a.how = andDirs
	case "model":
		a.how, a.offers = andFiles, t.models(s)
	case "env", "key":
		a.offers = t.keys(s, word)
	case "profile":
		a.offers = t.profiles(s)
	case "family":
		for _, f := range profile.Families() {
			a.offers = append(a.offers, offer{word: f.Name})
		}
	default:
		choices := allowed(settingNamed(v.Name))
		if v.Enum != "" {
			choices = strings.Split(v.Enum, ",")
		}
		for _, c := range choices {
			a.offers = append(a.offers, offer{word: c})
		}
	}
	a.offers = beginning(word, before, a.offers)
	return a
}

// beginning are the offers that begin as the word does, each once.
func beginning(word, before string, all []offer) []offer {
	var out []offer
	for _, o := range all {
		if strings.HasPrefix(o.word, word) && !slices.ContainsFunc(out, func(x offer) bool { return x.word == before+o.word }) {
			out = append(out, offer{before + o.word, o.help})
		}
	}
	return out
}

// look reads the settings and finds the root as a launch would, without a log.
func (t *typed) look(s *session) bool {
	path := func(name string) string { // no shell has expanded it yet
		if rest, ok := strings.CutPrefix(t.given[name], "~/"); ok {
			return filepath.Join(s.env.Get("HOME"), rest)
		}
		return t.given[name]
	}
	s.log = hclog.NewInterceptLogger(&hclog.LoggerOptions{Output: io.Discard})
	s.cli.Root, s.cli.Cwd, s.cli.Model = path("root"), path("cwd"), path("model")
	base, _, err := s.changeDir()
	if err != nil {
		return false
	}
	s.set = defaults(base)
	if s.set.load(s.env, "") != nil {
		return false
	}
	if _, err := s.set.variables(s.env); err != nil {
		return false
	}
	if s.set.flags(s.cli.flags) != nil {
		return false
	}
	if s.root, s.rootFrom, err = findRoot(s.set, s.env, ""); err != nil {
		return false
	}
	s.set.outside(string(s.root))
	return true
}

// keys are those of the envs that are there or described, and where none begins
// like the word, those that can be made.
func (t *typed) keys(s *session, word string) []offer {
	var out []offer
	if t.look(s) {
		for _, key := range s.keysHere() {
			out = append(out, offer{word: key})
		}
	}
	if len(beginning(word, "", out)) > 0 {
		return out
	}
	for _, key := range canonicalKeys() {
		out = append(out, offer{key, "not made yet"})
	}
	return out
}

// models are those that were started in the root's envs.
func (t *typed) models(s *session) []offer {
	if !t.look(s) {
		return nil
	}
	var out []offer
	st := &store.Store{Root: s.root}
	dirs, _ := st.Envs() // none: nothing to offer
	for _, d := range dirs {
		for _, m := range st.Models(d) {
			out = append(out, offer{m, d.Name})
		}
	}
	return out
}

func (t *typed) profiles(s *session) []offer {
	all := profile.Embedded()
	if t.look(s) {
		inRoot, _ := s.rootProfiles()
		all = append(inRoot, all...)
	}
	var out []offer
	for _, p := range all {
		out = append(out, offer{p.Name, p.Accel})
	}
	return out
}

// keysHere are the keys of the root's shared envs and of [envs].
func (s *session) keysHere() []string {
	var keys []string
	dirs, _ := (&store.Store{Root: s.root}).Envs() // none: nothing to name
	for _, d := range dirs {
		if d.Kind != envdir.Old {
			keys = append(keys, d.Name)
		}
	}
	for key := range s.set.envs {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// canonicalKeys are those that the built-in profiles can make.
func canonicalKeys() []string {
	var keys []string
	for _, p := range profile.Embedded() {
		for _, f := range profile.Families() {
			for _, bnb := range []bool{false, true} {
				if key := f.Key(p.Accel, bnb); key != "" && p.Has(f) {
					keys = append(keys, string(key))
				}
			}
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
