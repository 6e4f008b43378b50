package config

import (
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// An index from the command line is for this start alone. The packages that come
// from it must not enter the env of the key, which others share. So such an index
// is one of the terms of the needs, and they lead to an env of its own. An index
// from a file or a variable is the index of this user: it changes no key.

// readTerms reads the terms of the needs, when it is known which settings of a
// project count.
func (l *loader) readTerms() error {
	for _, name := range []string{"index.default", "index.extra"} {
		if err := l.checkIndex(name); err != nil {
			return err
		}
	}
	if url := l.Flag("index.default"); url != "" {
		l.terms.DefaultIndex = url
		l.terms.Options += " --default-index " + fault.Quote(fault.Mask(url))
	}
	if l.Flag("index.extra") != "" {
		for _, url := range l.List("index.extra") {
			l.terms.Indexes = append(l.terms.Indexes, url)
			l.terms.Options += " --index " + fault.Quote(fault.Mask(url))
		}
	}
	if err := l.readRequirements(); err != nil {
		return err
	}
	return l.pythonNeed()
}

// checkIndex returns an error for an index that is no URL. uv would take any other
// text for a folder. The default index of a file or a variable is uv's affair, as
// before there was a flag.
func (l *loader) checkIndex(name string) error {
	if name == "index.default" && l.Flag(name) == "" {
		return nil
	}
	v := l.Value(name)
	for _, url := range entries(v.Text) {
		scheme, rest, _ := strings.Cut(url, "://")
		if (scheme == "https" || scheme == "http" || scheme == "file") && rest != "" && !strings.ContainsAny(url, " \t\"'\\,") {
			continue
		}
		code, from := fault.BadConfig, v.From+": "+name
		if l.Flag(name) != "" {
			code, from = fault.BadUsage, v.From
		}
		return fault.New(code, "%s: %q is no URL of a package index", from, fault.Mask(url)).
			Fix("write it with https://, http:// or file://, for example https://pypi.org/simple; a folder of wheels is one of MODELRUN_FIND_LINKS")
	}
	return nil
}

// pythonNeed makes the setting "python" a need: 3.11 is any 3.11, 3.11.4 is that
// version alone.
func (l *loader) pythonNeed() error {
	v := l.Value("python")
	text := strings.TrimSpace(v.Text)
	if text == "" {
		return nil
	}
	spec := text
	if strings.Trim(text, "0123456789.") == "" {
		if spec = "==" + text; strings.Count(text, ".") < 2 {
			spec += ".*"
		}
	}
	r, err := requirement.Parse(requirement.Python + " " + spec)
	if err == nil && len(r.Specs) > 0 {
		l.needs = append(l.needs, r)
		return nil
	}
	code, from := fault.BadConfig, v.From+": python"
	if l.Flag("python") != "" {
		code, from = fault.BadUsage, v.From
	}
	return fault.New(code, "%s: %q is no version of Python", from, text).
		Fix("write one such as 3.12 or 3.12.4, or a range such as '>=3.11'; modelrun takes CPython, and no path")
}
