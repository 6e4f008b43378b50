package shim

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

// findRoot says which folder holds the environments and why: the first that is
// set, else the nearest marked one upward of the working directory, the script
// and the model, else the user's data folder.
func findRoot(s *settings, env execx.Environ, script string) (envdir.Root, string, error) {
	if s.isSet(sRoot) {
		root := envdir.Root(s.get(sRoot))
		return root, s.one[sRoot].from, checkRoot(root, s)
	}
	seen := map[string]bool{}
	for _, start := range rootStarts(s, script) {
		for dir := start.dir; !seen[dir]; dir = filepath.Dir(dir) {
			seen[dir] = true
			for _, candidate := range []string{dir, filepath.Join(dir, "LLM")} {
				if root := envdir.Root(candidate); marked(root) && !everybodys(candidate) {
					return root, start.from, checkRoot(root, s)
				}
			}
		}
	}
	root, from, err := dataRoot(env)
	if err != nil {
		return "", "", err
	}
	return root, from, checkRoot(root, s)
}

type start struct{ dir, from string }

// The origins of a root that was found.
const (
	fromDir    = "found upward of the working directory"
	fromScript = "found upward of the script"
	fromModel  = "found upward of the model"
)

func rootStarts(s *settings, script string) []start {
	starts := []start{{s.base, fromDir}}
	if script != "" {
		starts = append(starts, start{filepath.Dir(absolute(script, s.base)), fromScript})
	}
	if m := s.get(sModel); m != "" {
		if p := absolute(m, s.base); exists(p) {
			starts = append(starts, start{p, fromModel})
		}
	}
	return starts
}

// everybodys reports whether all users of this machine can put folders there,
// as into /tmp: a root that is found there may be anybody's trap. One that is
// named is the user's own decision.
func everybodys(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.Mode()&0o002 != 0 && runtime.GOOS != "windows"
}

// marked reports whether a folder is a root of ours or of the app. Folders
// named .envs or environments are not enough: other tools have such.
func marked(r envdir.Root) bool {
	if exists(r.Envs()) && (exists(r.Locks()) || holdsVenv(r.Envs())) {
		return true
	}
	return exists(r.Environments()) && holdsVenv(r.Environments()) ||
		exists(r.Profiles()) && holdsProfile(r.Profiles())
}

func holdsVenv(dir string) bool {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if exists(filepath.Join(dir, e.Name(), ".venv")) {
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
		data, err := fsys.ReadFile(filepath.Join(dir, e.Name()), maxConfig)
		if err == nil && strings.Contains(string(data), `"format_version"`) {
			return true
		}
	}
	return false
}

// dataRoot is the user's data folder. Accounts without a home of their own get
// none: what a service downloads must not land where nobody looks for it.
func dataRoot(env execx.Environ) (envdir.Root, string, error) {
	refuse := func(why string) (envdir.Root, string, error) {
		return "", "", fault.New(fault.BadRoot, "no root is set and there is no home for one: %s", why).
			Fix("say where the environments go: modelrun --root DIR -- …, or MODELRUN_ROOT=DIR")
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

// checkRoot refuses what cannot be a root before anything is touched. A root
// that does not exist yet is fine: creation makes it.
func checkRoot(root envdir.Root, s *settings) error {
	bad := func(code fault.Code, err error, why string) error {
		f := fault.New(code, "root %s %s", root, why)
		f.Err = err
		return f.Fix("name another folder: modelrun --root DIR -- …")
	}
	// An env whose scripts folder cannot stand on PATH is not found by programs
	// that are started in it.
	if i := strings.IndexAny(string(root), string(filepath.ListSeparator)+"\r\n"); i >= 0 {
		return bad(fault.BadRoot, nil, fmt.Sprintf("cannot be used: no folder on PATH may hold %q", root[i]))
	}
	for _, path := range []string{string(root), root.Envs()} {
		f, err := os.Open(path)
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
		_ = f.Close() // it was only looked at
		switch {
		case err != nil:
			return bad(fault.BadRoot, err, "cannot be read: "+err.Error())
		case !info.IsDir() && path == string(root):
			return bad(fault.BadRoot, nil, "is not a folder")
		case !info.IsDir():
			return bad(fault.BadRoot, nil, "cannot be used: "+path+" is not a folder")
		}
		if err := fsys.Trusted(path, s.list(sTrustedOwners)); err != nil {
			return err
		}
	}
	for _, path := range []string{root.Locks(), filepath.Dir(root.State("x")), root.Environments(), root.Profiles()} {
		if err := fsys.Trusted(path, s.list(sTrustedOwners)); err != nil && fault.CodeOf(err) == fault.Untrusted {
			return err
		}
	}
	return nil
}

func exists(path string) bool { return fsys.Exists(path) }

// stateHome is where verdicts go when the root cannot be written.
func stateHome(env execx.Environ) string {
	if runtime.GOOS == "windows" {
		return under(env.Get("LOCALAPPDATA"), "modelrun", "state")
	}
	if dir := env.Get("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "modelrun")
	}
	return under(env.Get("HOME"), ".local", "state", "modelrun")
}
