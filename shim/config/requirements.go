package config

import (
	"cmp"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// readRequirements reads the file of the setting "requirements". Its packages are
// needs like those of --with, and its constraints and hashes are terms.
func (l *loader) readRequirements() error {
	path := l.String("requirements")
	if path == "" {
		return nil
	}
	file, err := l.requirementsFile(path, l.Value("requirements").From, "", l.in.Env)
	if err != nil {
		return err
	}
	l.needs = append(l.needs, file.Requirements...)
	l.terms.Constraints, l.terms.Hashes, l.terms.At = file.Constraints, file.Hashes, file.At
	l.terms.Options += " --with-requirements " + fault.Quote(path)
	return nil
}

// requirementsFile reads a requirements file that from names. Its indexes must be
// those that are used anyway: a file that was copied together with a model decides no
// source of packages. index is the default index, or "" for that of the settings.
func (c Config) requirementsFile(path, from, index string, env execx.Environ) (requirement.File, error) {
	file, err := requirement.ReadFile(path, func(path string) ([]byte, error) {
		if why := fsys.Trusted(path, c.List("trusted_owners")); fault.CodeOf(why) == fault.Untrusted {
			return nil, why
		}
		return ReadFile(path)
	})
	if err != nil && fault.CodeOf(err) == fault.Internal {
		err = fault.New(fault.BadConfig, "%s: requirements file %s cannot be read: %w", from, path, fsys.Cause(err)).Fix("name a file that exists; a relative name is relative to the folder of its source")
	}
	for _, o := range file.Options {
		if err == nil {
			err = c.checkOption(o, index, env)
		}
	}
	return file, err
}

// pypi is what --index-url means when it names PyPI: the default index, whichever
// that is.
const pypi = "https://pypi.org/simple"

// checkOption returns an error for an index or a folder of wheels in a requirements
// file that is not in use.
func (c Config) checkOption(o requirement.FileOption, index string, env execx.Environ) error {
	allowed, remedy := c.List("index.extra"), "--index "
	switch o.Name {
	case "--index-url":
		allowed = []string{pypi, cmp.Or(index, c.String("index.default"), env.Get("UV_DEFAULT_INDEX"), env.Get("UV_INDEX_URL"), env.Get("PIP_INDEX_URL"))}
		remedy = "--default-index "
	case "--find-links":
		allowed, remedy = c.List("index.find_links"), "MODELRUN_FIND_LINKS="
	}
	plain := func(url string) string { // without a password: that of the user's own index is used
		return strings.TrimRight(strings.Replace(fault.Mask(url), "***@", "", 1), "/")
	}
	if slices.ContainsFunc(allowed, func(url string) bool { return plain(url) == plain(o.Value) }) {
		return nil
	}
	return fault.New(fault.BadConfig, "%s: %s %s is not in use, and a file does not decide where packages come from", o.At, o.Name, fault.Mask(o.Value)).
		Fix("remove that line, or say so yourself: %s", remedy+fault.Quote(fault.Mask(o.Value)))
}
