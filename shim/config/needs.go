package config

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/modelrun/modelrun/execx"
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
//
// A URL or a path is different: it leads to a place that the user did not choose,
// and it is built without the user seeing what it holds. From a project it counts
// only for a root inside that project, as its [index] does.

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

// asker is the source of a need.
type asker struct {
	code    fault.Code // of an error
	from    string     // the flag, the variable, or the file and the key
	dir     string     // a relative path is relative to this folder
	project string     // the folder of the project whose file it is; "" if the user asks
}

// directNeed is a URL or a path that a project's file asks for.
type directNeed struct {
	requirement.Requirement
	asker
}

// parseNeeds parses the packages needed in addition to those of the key: the
// setting "with", and always the script's own needs.
func (l *loader) parseNeeds() error {
	if v := l.Value("with"); v.Text != "" {
		by, list := asker{fault.BadConfig, v.From + ": with", filepath.Dir(v.From), v.Project}, strings.Fields(v.Text)
		if strings.HasPrefix(v.From, "flag ") {
			by = asker{code: fault.BadUsage, from: v.From, dir: l.base}
		} else if strings.HasPrefix(v.From, "variable ") {
			by = asker{code: fault.BadConfig, from: v.From, dir: l.base}
		}
		if rest, lines := strings.CutSuffix(v.Text, "\n"); lines {
			list = strings.Split(rest, "\n")
		}
		for _, text := range list {
			if err := l.need(text, by); err != nil {
				return err
			}
		}
	}
	var dir string
	if l.script != "" {
		dir = l.scriptDirs[0]
	}
	by := asker{fault.BadScript, l.blockFrom + ": dependencies", dir, dir}
	for _, text := range l.block.dependencies {
		if err := l.need(text, by); err != nil {
			return err
		}
	}
	if text := l.block.requiresPython; text != "" { // the space matters: without it, "3.11" would give the package python3.11
		by.from = l.blockFrom + ": requires-python"
		return l.need(requirement.Python+" "+text, by)
	}
	return nil
}

// need adds one need.
func (l *loader) need(text string, by asker) error {
	python, isPython := strings.CutPrefix(text, requirement.Python+" ")
	isPython = isPython && strings.HasSuffix(by.from, "requires-python")
	located := text
	if !isPython {
		located = requirement.Located(text, by.dir, Home(l.in.Env))
	}
	r, err := requirement.Parse(located)
	switch {
	case err != nil && isPython:
		return fault.New(by.code, "%s: %q cannot be used: %w", by.from, fault.Mask(python), err).Fix(`write versions, for example ">=3.10"`)
	case err != nil:
		return fault.New(by.code, "%s: %q cannot be used: %w", by.from, fault.Mask(text), err).
			Fix(`name a package with its versions ("rich>=13"), an address ("rich @ https://…") or a folder ("./mylib")`)
	case r.URL != "" && by.project != "":
		l.direct = append(l.direct, directNeed{r, by}) // limitProject decides
	default:
		l.needs = append(l.needs, r)
	}
	return nil
}

// Home returns the user's home folder, or "".
func Home(env execx.Environ) string {
	if runtime.GOOS == "windows" {
		return env.Get("USERPROFILE")
	}
	return env.Get("HOME")
}
