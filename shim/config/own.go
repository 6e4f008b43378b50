package config

import (
	"slices"
	"strings"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// OwnEnv is [envs."key"]: an env that the user describes.
type OwnEnv struct {
	Base          string   `toml:"base"`           // another key, whose packages come first; "" for none
	Packages      []string `toml:"packages"`       // requirements
	Requirements  string   `toml:"requirements"`   // a requirements file, relative to the folder of From
	BuildRequires []string `toml:"build_requires"` // requirements that a build from source may import
	Index         string   `toml:"index"`          // URL of a package index
	Python        string   `toml:"python"`         // "3.12"; "" for any
	Imports       []string `toml:"imports"`        // "module" or "module=distribution", for the probe

	From    string `toml:"-"` // the file
	Project string `toml:"-"` // the folder of the project whose file it is; "" for the user's own file
	Err     error  `toml:"-"` // why no env can be made from it, as far as its text shows

	under *OwnEnv // the definition without the project's file
}

// ownKeys are the keys of [envs."key"], for an error.
var ownKeys = []string{"base", "build_requires", "imports", "index", "packages", "python", "requirements"}

// check returns an error for a definition from which no env can be made. It reads no
// file.
func (o OwnEnv) check(key, path string) error {
	if _, err := envdir.ParseKey(key); err != nil {
		return fault.New(fault.BadConfig, "%s: [envs.%q]: %w", path, key, err).Fix("%s", fault.RemedyOf(err))
	}
	if o.Python != "" && strings.Trim(o.Python, "0123456789.") != "" { // uv would look for a program of any other name, and run it
		return fault.New(fault.BadConfig, "%s: [envs.%q] python = %q is not a version", path, key, o.Python).Fix(`give one such as python = "3.12"`)
	}
	if len(o.Packages) == 0 && o.Base == "" && o.Requirements == "" {
		return fault.New(fault.BadConfig, "%s: [envs.%q] has no packages", path, key).Fix(`add packages = ["name==version"], requirements = "FILE" or base = "KEY"`)
	}
	for _, p := range o.Packages {
		if p == "" || strings.HasPrefix(strings.TrimSpace(p), "-") {
			return fault.New(fault.BadConfig, "%s: [envs.%q] packages hold %q, which names no package", path, key, p).Fix(`give names such as "name==version"`)
		}
	}
	for _, p := range o.BuildRequires {
		if _, err := requirement.Parse(p); err != nil {
			return fault.New(fault.BadConfig, "%s: [envs.%q] build_requires hold %q: %w", path, key, fault.Mask(p), err).Fix(`give names such as "torch" or "setuptools<81"`)
		}
	}
	return nil
}

// Definition returns the definition of a key in [envs], with that of its base and
// the content of its requirements file. It returns nil if [envs] does not have the
// key. A mistake in one entry is an error for that key alone, and for those that
// have it as their base.
func (c Config) Definition(key string, env execx.Environ) (*profile.Own, error) {
	return c.definition(key, env, nil)
}

// definition does the work of Definition. above holds the keys that have this one as
// their base.
func (c Config) definition(key string, env execx.Environ, above []string) (*profile.Own, error) {
	own, ok := c.envs[key]
	if !ok || own.Err != nil {
		return nil, own.Err
	}
	d := &profile.Own{Packages: own.Packages, Index: own.Index, Python: own.Python, Imports: own.Imports, From: own.From}
	for _, p := range own.BuildRequires {
		r, err := requirement.Parse(p)
		if err != nil {
			return nil, err // check has parsed it
		}
		d.Terms.Build = append(d.Terms.Build, r)
	}
	if own.Requirements != "" {
		file, err := c.requirementsFile(own.Requirements, own.From, own.Index, env)
		if err != nil {
			return nil, err
		}
		d.Packages = slices.Clone(d.Packages)
		for _, r := range file.Requirements {
			d.Packages = append(d.Packages, r.Source())
		}
		d.Terms.Constraints, d.Terms.Hashes, d.Terms.At = file.Constraints, file.Hashes, file.At
	}
	if own.Base == "" {
		return d, nil
	}
	bad := func(why, hint string) error {
		return fault.New(fault.BadConfig, "%s: [envs.%q] base = %q %s", own.From, key, own.Base, why).Fix("%s", hint)
	}
	above = append(slices.Clone(above), key)
	if slices.Contains(above, own.Base) {
		return nil, bad("leads back to itself", "give one of them another base, or none")
	}
	base, err := c.definition(own.Base, env, above)
	if err != nil {
		return nil, err
	}
	if _, ok := profile.ParseKey(envdir.Key(own.Base)); !ok && base == nil {
		return nil, bad("is no key of [envs] or of a profile", `name one such as "torch-cpu-transformers", or see what there is: modelrun profiles`)
	}
	d.Base, d.BaseOwn = envdir.Key(own.Base), base
	return d, nil
}
