package health

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// pathWarnings returns one line for each entry of PYTHONPATH that takes
// precedence over the env. The variable belongs to the user and stays, but a
// torch found there is not the one that was checked. The probe itself ignores
// PYTHONPATH.
func pathWarnings(s Subject, env execx.Environ, cwd string) []string {
	list := env.Get("PYTHONPATH")
	if list == "" {
		return nil
	}
	var out []string
	for _, entry := range filepath.SplitList(list) {
		dir := entry
		if dir == "" {
			continue // python uses the working directory, as it does for a script anyway
		}
		if !filepath.IsAbs(dir) {
			if cwd == "" {
				continue
			}
			dir = filepath.Join(cwd, dir)
		}
		out = append(out, entryWarnings(s, filepath.Clean(dir))...)
	}
	return out
}

func entryWarnings(s Subject, dir string) []string {
	if fsys.Within(dir, s.Dir.Venv()) {
		return nil
	}
	if isPackagesDir(dir) {
		return []string{"PYTHONPATH holds another Python's packages: " + dir}
	}
	var out []string
	for _, i := range s.Imports {
		top := topLevel(i.Module)
		for _, name := range []string{top, top + ".py"} {
			path := filepath.Join(dir, name)
			if _, err := os.Stat(path); err == nil {
				out = append(out, "PYTHONPATH hides the environment's "+top+": "+path)
				break
			}
		}
	}
	return out
}

func isPackagesDir(dir string) bool {
	for _, part := range strings.Split(filepath.ToSlash(dir), "/") {
		if part == "site-packages" || part == "dist-packages" {
			return true
		}
	}
	return false
}

// withWarnings adds the warnings about PYTHONPATH and about the model's type.
// Verdicts are cached without them: they concern the caller, not the env.
func (c *Checker) withWarnings(v Verdict, s Subject, st *site) Verdict {
	if v.Absent {
		return v
	}
	for _, w := range pathWarnings(s, c.Env, c.Cwd) {
		if !slices.Contains(v.Warnings, w) {
			v.Warnings = append(v.Warnings, w)
		}
	}
	unknown := typeWarning(s, st)
	v.Warnings, v.UnknownType = append(v.Warnings, unknown...), len(unknown) > 0
	return v
}
