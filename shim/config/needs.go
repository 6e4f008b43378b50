package config

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/need"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// Every source that may say what to start may also name packages that are needed in
// addition to those of the key. This includes a project's file and a script, in any
// root. Unlike a project's [index] and [envs], such a need changes no env that
// others share. It leads to an env under a key made from the needs themselves,
// filled from indexes that the user chose. A package may run code (a .pth file, or
// a source distribution that is built). But so does the program that the project
// starts, and [env] could do as much.

// readScript reads the PEP 723 block of the script that is started: its needs, and
// its table [tool.modelrun].
func (l *loader) readScript() error {
	if l.Script() == "" {
		return nil
	}
	path := l.Abs(l.Script())
	meta, found, err := need.Script(path)
	if err != nil || !found {
		return err
	}
	if l.block, err = readScript(meta.TOML, l.table, path, meta.Line); err != nil {
		return err
	}
	l.blockFrom = fmt.Sprintf("%s:%d", path, meta.Line)
	return l.apply(l.block.document, path, filepath.Dir(path), projectScope)
}

// parseNeeds parses the packages needed in addition to those of the key: the
// setting "with", and always the script's own needs.
func (l *loader) parseNeeds() error {
	if v := l.Value("with"); v.Text != "" {
		code, from, list := fault.BadConfig, v.From, strings.Fields(v.Text)
		if strings.HasPrefix(from, "flag ") {
			code = fault.BadUsage
		} else if !strings.HasPrefix(from, "variable ") {
			from += ": with"
		}
		if rest, lines := strings.CutSuffix(v.Text, "\n"); lines {
			list = strings.Split(rest, "\n")
		}
		for _, text := range list {
			if err := l.need(text, code, from); err != nil {
				return err
			}
		}
	}
	for _, text := range l.block.dependencies {
		if err := l.need(text, fault.BadScript, l.blockFrom+": dependencies"); err != nil {
			return err
		}
	}
	if text := l.block.requiresPython; text != "" { // the space matters: without it, "3.11" would give the package python3.11
		return l.need(requirement.Python+" "+text, fault.BadScript, l.blockFrom+": requires-python")
	}
	return nil
}

func (l *loader) need(text string, code fault.Code, from string) error {
	r, err := requirement.Parse(text)
	if err != nil {
		python := strings.HasSuffix(from, "requires-python")
		if python {
			text = strings.TrimPrefix(text, requirement.Python+" ")
		}
		f := fault.New(code, "%s: %q cannot be used: %w", from, fault.Mask(text), err)
		if python {
			return f.Fix(`write versions, for example ">=3.10"`)
		}
		return f.Fix(`name packages with their versions, for example "rich>=13"; for a URL or a folder describe an env of your own in %s: [envs."my-key"]`, ProjectFile)
	}
	l.needs = append(l.needs, r)
	return nil
}
