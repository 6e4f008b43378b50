package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// findRoot finds the folder that holds the envs, and where it comes from. It takes
// the first source that names a root. Otherwise it takes the nearest marked folder,
// upward from the working directory, the script and the model. Otherwise it takes
// the user's data folder.
func findRoot(c Config, env execx.Environ) root {
	if c.IsSet("root") {
		return checked(c, envdir.Root(c.String("root")), c.Value("root").From)
	}
	seen := map[string]bool{}
	for _, start := range rootStarts(c) {
		for dir := start.dir; !seen[dir]; dir = filepath.Dir(dir) {
			seen[dir] = true
			for _, candidate := range []string{dir, filepath.Join(dir, "LLM")} {
				if r := envdir.Root(candidate); marked(r) && !worldWritable(candidate) {
					return checked(c, r, start.from)
				}
			}
		}
	}
	dir, from, err := dataRoot(env)
	if err != nil {
		return root{err: err}
	}
	return checked(c, dir, from)
}

func checked(c Config, dir envdir.Root, from string) root {
	return root{dir, from, checkRoot(dir, c.List("trusted_owners"))}
}

// The sources of a root that was found by searching.
const (
	fromDir    = "found upward of the working directory"
	FromScript = "found upward of the script"
	FromModel  = "found upward of the model"
)

// start is a folder where an upward search for a root begins.
type start struct{ dir, from string }

func rootStarts(c Config) []start {
	starts := []start{{c.base, fromDir}}
	for _, dir := range c.ScriptDirs() {
		starts = append(starts, start{dir, FromScript})
	}
	if m := c.Abs(c.String("model")); m != "" && fsys.Exists(m) {
		starts = append(starts, start{m, FromModel})
	}
	return starts
}

// worldWritable reports whether every user of this machine can create folders in
// dir, as in /tmp. A root found there may be a trap. A root that the user names is
// the user's decision.
func worldWritable(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.Mode()&0o002 != 0 && runtime.GOOS != "windows"
}

// marked reports whether a folder is a root of ours or of the app. A folder named
// .envs or environments is not enough: other tools have such folders.
func marked(r envdir.Root) bool {
	if fsys.Exists(r.Envs()) && (fsys.Exists(r.Locks()) || holdsVenv(r.Envs())) {
		return true
	}
	return fsys.Exists(r.Environments()) && holdsVenv(r.Environments()) ||
		fsys.Exists(r.Profiles()) && holdsProfile(r.Profiles())
}

func holdsVenv(dir string) bool {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if fsys.Exists(filepath.Join(dir, e.Name(), ".venv")) {
			return true
		}
	}
	return false
}

func holdsProfile(dir string) bool {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".json" {
			continue
		}
		data, err := fsys.ReadFile(filepath.Join(dir, e.Name()), MaxSize)
		if err == nil && strings.Contains(string(data), `"format_version"`) {
			return true
		}
	}
	return false
}

// dataRoot returns the user's data folder. An account without a home gets an error:
// a service must not download to a place where users would not look.
func dataRoot(env execx.Environ) (envdir.Root, string, error) {
	refuse := func(why string) (envdir.Root, string, error) {
		return "", "", fault.New(fault.BadRoot, "no root is set and there is no home for one: %s", why).
			Fix("say where the environments go: modelrun --root DIR -- …   # or set MODELRUN_ROOT")
	}
	if dir := env.Get("STATE_DIRECTORY"); filepath.IsAbs(dir) && !strings.Contains(dir, ":") {
		return envdir.Root(filepath.Join(dir, "modelrun")), "variable STATE_DIRECTORY", nil
	}
	if runtime.GOOS == "windows" {
		dir := env.Get("LOCALAPPDATA")
		if !filepath.IsAbs(dir) || strings.Contains(strings.ToLower(dir), `\config\systemprofile`) {
			return refuse(fmt.Sprintf("LOCALAPPDATA is %q", dir))
		}
		return envdir.Root(filepath.Join(dir, "modelrun")), "the user's data folder", nil
	}
	if dir := env.Get("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return envdir.Root(filepath.Join(dir, "modelrun")), "variable XDG_DATA_HOME", nil
	}
	home := env.Get("HOME")
	if !filepath.IsAbs(home) || filepath.Clean(home) == "/" {
		return refuse(fmt.Sprintf("HOME is %q", home))
	}
	if runtime.GOOS == "darwin" {
		return envdir.Root(filepath.Join(home, "Library", "Application Support", "modelrun")), "the user's data folder", nil
	}
	return envdir.Root(filepath.Join(home, ".local", "share", "modelrun")), "the user's data folder", nil
}

// checkRoot returns an error for a folder that cannot be a root, before anything is
// changed. A missing root is allowed: creation makes it.
func checkRoot(root envdir.Root, owners []string) error {
	bad := func(code fault.Code, err error, why string) error {
		f := fault.New(code, "root %s %s", root, why)
		f.Err = err
		return f.Fix("name another folder: modelrun --root DIR -- …")
	}
	// PATH cannot hold such a folder, so programs could not find the env's scripts.
	if i := strings.IndexAny(string(root), string(filepath.ListSeparator)+"\r\n"); i >= 0 {
		return bad(fault.BadRoot, nil, fmt.Sprintf("cannot be used: no folder on PATH may hold %q", root[i]))
	}
	for _, path := range []string{string(root), root.Envs()} {
		f, err := os.Open(path) // stat would neither show that it cannot be read, nor mount it
		if errors.Is(err, fs.ErrNotExist) {
			if to, e := os.Readlink(path); e == nil {
				return bad(fault.BadRoot, nil, fmt.Sprintf("cannot be used: %s is a link to %s, which is not there", path, to))
			}
			continue
		}
		if err != nil {
			return bad(fault.BadRoot, err, "cannot be read: "+err.Error())
		}
		info, err := f.Stat()
		_ = f.Close() // only the open matters
		switch {
		case err != nil:
			return bad(fault.BadRoot, err, "cannot be read: "+err.Error())
		case !info.IsDir() && path == string(root):
			return bad(fault.BadRoot, nil, "is not a folder")
		case !info.IsDir():
			return bad(fault.BadRoot, nil, "cannot be used: "+path+" is not a folder")
		}
		if err := fsys.Trusted(path, owners); err != nil {
			return err
		}
	}
	for _, path := range []string{root.Locks(), root.State().Dir(), root.Environments(), root.Profiles()} {
		if err := fsys.Trusted(path, owners); err != nil && fault.CodeOf(err) == fault.Untrusted {
			return err
		}
	}
	return nil
}
