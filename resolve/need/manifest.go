package need

import (
	"path/filepath"
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/manifest"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// maxNamed limits how many things of a manifest one message names.
const maxNamed = 12

// ofTool returns the error for a folder in which another tool says what the model
// needs, or nil. Nothing of it is done unasked: the hint is one line that does the
// part that modelrun can do, in an env of its own.
func ofTool(m Model, dir string, l listing) error {
	f, ok := manifest.In(dir, l.names)
	if !ok {
		return nil
	}
	text := "model " + show(m.Name) + " is made for " + f.Tool + " (" + f.File + "), which modelrun follows only if you ask"
	python := " --python " + f.Python
	switch {
	case f.Python == "":
		python = ""
	case requirement.CompareReleases(f.Python, "3.8") < 0:
		text += "; Python " + f.Python + " is too old to install, so a newer one is used, and old versions of packages may not install"
		python = ""
	}
	text += listed("system packages to install yourself", f.System) + listed("steps to run yourself", f.Steps) + listed("not understood", f.Odd)
	line := "modelrun --env " + f.Key + python
	for _, r := range f.Packages {
		line += " --with " + fault.Quote(r)
	}
	if f.Requirements != "" {
		folder := dir
		if m.Hub == "" {
			folder = m.Name
		}
		line += " --with-requirements " + fault.Quote(filepath.Join(folder, f.Requirements))
	}
	end := " -m " + fault.Quote(m.Name) + " -- python …"
	e := fault.New(fault.BadModel, "%s", text)
	if len(f.Packages) == 0 && f.Requirements == "" {
		return e.Fix("name the packages that its program needs in place of PACKAGE: %s --with PACKAGE%s", line, end)
	}
	return e.Fix("to make an environment of what it names: %s%s", line, end)
}

// listed returns a part of a message that names some texts of a file, or "".
func listed(what string, texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	var shown []string
	for _, s := range texts[:min(len(texts), maxNamed)] {
		if len(s) > 80 {
			s = strings.ToValidUTF8(s[:80], "") + "…"
		}
		shown = append(shown, show(s))
	}
	if len(texts) > maxNamed {
		shown = append(shown, "…")
	}
	return "; " + what + ": " + strings.Join(shown, ", ")
}
