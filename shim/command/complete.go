package command

import (
	"path/filepath"
	"strings"

	"github.com/hashicorp/go-hclog"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/hardware"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/store"
	"github.com/modelrun/modelrun/shim/cli"
	"github.com/modelrun/modelrun/shim/config"
	"github.com/modelrun/modelrun/shim/target"
)

// Complete answers a completion script. It opens no socket, writes nothing and runs
// nothing.
func Complete(inv cli.Invocation, env execx.Environ, g cli.Grammar) error {
	values := values{env: env, table: g.Settings}
	return cli.Complete(inv.Args[1:], g, values.lookup, inv.Stdout)
}

// values finds the values of options for completion: it implements [cli.Lookup].
type values struct {
	env   execx.Environ
	table config.Table
}

func (v values) lookup(kind, word string, flags config.Flags) []cli.Offer {
	switch kind {
	case "model":
		return v.models(flags)
	case "key":
		return v.keys(word, flags)
	case "profile":
		return v.profiles(flags)
	}
	var out []cli.Offer
	for _, f := range profile.Families() {
		out = append(out, cli.Offer{Word: f.Name})
	}
	return out
}

// finder reads the settings and finds the root as a launch would, but without a
// log.
func (v values) finder(typed config.Flags) (f target.Finder, ok bool) {
	flags := config.Flags{}
	for _, name := range []string{"root", "cwd", "model"} {
		flags[name] = typed[name]
		if rest, home := strings.CutPrefix(typed[name], "~/"); home { // the shell has not expanded it yet
			flags[name] = filepath.Join(v.env.Get("HOME"), rest)
		}
	}
	dir, err := config.WorkDir(flags, v.env)
	if err != nil {
		return f, false
	}
	c, err := config.Load(config.Input{Table: v.table, Env: v.env, Dir: dir, Flags: flags})
	if err != nil || c.RootErr() != nil {
		return f, false
	}
	return target.NewFinder(c, v.env, v.env, (*hardware.Cache)(nil), hclog.NewNullLogger()), true
}

// keys returns the keys of the envs that exist or are described. If none of them
// begins with the word, it returns the keys that can be made.
func (v values) keys(word string, flags config.Flags) []cli.Offer {
	var out []cli.Offer
	if f, ok := v.finder(flags); ok {
		for _, key := range f.KeysHere() {
			out = append(out, cli.Offer{Word: key})
		}
	}
	if len(cli.Beginning(word, "", out)) > 0 {
		return out
	}
	for _, key := range target.CanonicalKeys() {
		out = append(out, cli.Offer{Word: key, Help: "not made yet"})
	}
	return out
}

// models returns the models that were started in the root's envs.
func (v values) models(flags config.Flags) []cli.Offer {
	f, ok := v.finder(flags)
	if !ok {
		return nil
	}
	var out []cli.Offer
	have := store.Catalogue{Root: f.Config.Root()}
	dirs, _ := have.Envs() // an unreadable root has nothing to offer
	for _, d := range dirs {
		for _, m := range have.Models(d) {
			out = append(out, cli.Offer{Word: m, Help: d.Name})
		}
	}
	return out
}

// profiles returns the profiles of the root, and the built-in ones.
func (v values) profiles(flags config.Flags) []cli.Offer {
	all := profile.Embedded()
	if f, ok := v.finder(flags); ok {
		inRoot, _ := f.RootProfiles()
		all = append(inRoot, all...)
	}
	var out []cli.Offer
	for _, p := range all {
		out = append(out, cli.Offer{Word: p.Name, Help: p.Accel})
	}
	return out
}
