package shim

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sort"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/need"
	"github.com/modelrun/modelrun/resolve/profile"
)

// projectFile is the name that is looked for upward.
const projectFile = "modelrun.toml"

// maxConfig is far above any config that a person writes.
const maxConfig = 1 << 20

// scope says who can write a config file, and so how far it is trusted.
type scope int

const (
	projectScope scope = iota // whoever gave us the project
	userScope                 // the user, or the administrator
)

// fileConfig is a config file, or the [tool.modelrun] table of a script.
type fileConfig struct {
	Root          *string `toml:"root"`
	Model         *string `toml:"model"`
	EnvKey        *string `toml:"env_key"`
	Family        *string `toml:"family"`
	Profile       *string `toml:"profile"`
	Cwd           *string `toml:"cwd"`
	Wait          *string `toml:"wait"`
	CreateTimeout *string `toml:"create_timeout"`
	NoCreate      *bool   `toml:"no_create"`
	NoDegraded    *bool   `toml:"no_degraded"`
	RequireGPU    *bool   `toml:"require_gpu"`
	Offline       *bool   `toml:"offline"`
	Isolated      *bool   `toml:"isolated"`
	EnvFile       *string `toml:"env_file"`
	StatusFile    *string `toml:"status_file"`
	LogLevel      *string `toml:"log_level"`
	LogFormat     *string `toml:"log_format"`
	LogFile       *string `toml:"log_file"`
	UV            *string `toml:"uv"`

	With          []string          `toml:"with"`
	TrustedOwners []string          `toml:"trusted_owners"`
	Index         indexConfig       `toml:"index"`
	Env           map[string]string `toml:"env"`
	Envs          map[string]ownEnv `toml:"envs"`
}

type indexConfig struct {
	Default   *string  `toml:"default"`
	Torch     *string  `toml:"torch"`
	FindLinks []string `toml:"find_links"`
}

// ownEnv is [envs."my-key"]: an env of the user's own making.
type ownEnv struct {
	Packages []string `toml:"packages"`
	Index    string   `toml:"index"`
	Python   string   `toml:"python"`
	Imports  []string `toml:"imports"`

	from    string // the file
	project string // the folder of a project file; "" for the user's own files

	under *ownEnv // what counts where the project's word does not
}

// profile is what the package of that name knows of an own env.
func (o ownEnv) profile() profile.Own {
	return profile.Own{Packages: o.Packages, Index: o.Index, Python: o.Python, Imports: o.Imports, From: o.from}
}

// load reads every source below the command line, the weakest first.
func (s *settings) load(env execx.Environ, script string) error {
	for _, file := range []string{systemConfig(env), userConfig(env)} {
		if _, err := s.file(file, userScope); err != nil {
			return err
		}
	}
	if err := s.scriptBlock(script); err != nil {
		return err
	}
	starts := []string{s.base}
	if script != "" {
		starts = append(starts, filepath.Dir(absolute(script, s.base)))
	}
	for _, start := range starts {
		for dir := start; ; dir = filepath.Dir(dir) {
			found, err := s.file(filepath.Join(dir, projectFile), projectScope)
			if err != nil {
				return err
			}
			if found {
				return nil
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return nil
}

// file reads one config file; one that is not there says nothing, nor does one
// that somebody else put where all users of this machine can put files. Anywhere
// else that is an error: what the user expects to count would not.
func (s *settings) file(path string, sc scope) (found bool, err error) {
	if path == "" {
		return false, nil
	}
	data, err := readConfig(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotAFile) {
		return false, nil
	}
	owners := s.list(sTrustedOwners)
	if sc == userScope {
		owners = nil // it is the file that names them
	}
	if why := fsys.Trusted(path, owners); fault.CodeOf(why) == fault.Untrusted {
		if sc == projectScope && everybodys(filepath.Dir(path)) {
			s.ignored = append(s.ignored, path+" is ignored: "+strings.TrimPrefix(why.Error(), path+" "))
			return false, nil
		}
		return false, why
	}
	if err != nil {
		return false, fault.New(fault.BadConfig, "config file %s cannot be read: %w", path, err).
			Fix("make it readable, or remove it")
	}
	var c fileConfig
	if err := decodeStrict(data, &c, path, 0, ""); err != nil {
		return false, err
	}
	return true, s.apply(c, path, filepath.Dir(path), sc)
}

var errNotAFile = errors.New("not a file")

func readConfig(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil && strings.Contains(err.Error(), "not a directory"):
		return nil, fs.ErrNotExist
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, errNotAFile
	case !info.Mode().IsRegular():
		return nil, errors.New("it is no regular file") // a pipe would hang every launch
	case info.Size() > maxConfig:
		return nil, fmt.Errorf("it has %d bytes, more than any config", info.Size())
	}
	data, err := os.ReadFile(path)
	return bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF")), err // of an editor on Windows
}

// scriptBlock reads the needs and [tool.modelrun] of the PEP 723 block of the script being started.
func (s *settings) scriptBlock(script string) error {
	if script == "" {
		return nil
	}
	path := absolute(script, s.base)
	meta, found, err := need.Script(path)
	if err != nil || !found {
		return err
	}
	var block struct {
		scriptNeeds
		Tool struct {
			Modelrun fileConfig `toml:"modelrun"`
		} `toml:"tool"`
	}
	if err := decodeStrict(meta.TOML, &block, path, meta.Line, "tool.modelrun."); err != nil {
		return err
	}
	s.script, s.scriptFrom = block.scriptNeeds, fmt.Sprintf("%s:%d", path, meta.Line)
	return s.apply(block.Tool.Modelrun, path, filepath.Dir(path), projectScope)
}

// decodeStrict decodes TOML. A key below prefix that nobody knows is an error
// with file, line and the nearest name; line is added to the lines of data. known
// are the keys of a file that holds no settings.
func decodeStrict(data []byte, into any, path string, line int, prefix string, known ...string) error {
	err := toml.NewDecoder(strings.NewReader(string(data))).DisallowUnknownFields().Decode(into)
	if err == nil {
		return nil
	}
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) {
		for _, e := range strict.Errors {
			key := strings.Join(e.Key(), ".")
			if !strings.HasPrefix(key, prefix) {
				continue // another tool's table in a script
			}
			row, _ := e.Position()
			return unknownKey(path, row+line, strings.TrimPrefix(key, prefix), known)
		}
		return nil
	}
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		row, column := decode.Position()
		return fault.New(fault.BadConfig, "%s:%d:%d: %s", path, row+line, column, decodeWords(decode)).
			Fix("correct that line")
	}
	return fault.New(fault.BadConfig, "%s: %w", path, err).Fix("correct that file")
}

// decodeWords is what is wrong with a value, without the names of our types.
func decodeWords(e *toml.DecodeError) string {
	text := strings.TrimPrefix(e.Error(), "toml: ")
	rest, ok := strings.CutPrefix(text, "cannot decode TOML ")
	got, into, both := strings.Cut(rest, " into ")
	want := map[string]string{
		"string": "a string in quotes", "bool": "true or false", "[]string": `a list such as ["a", "b"]`, "map[string]string": "a table",
	}[into[strings.LastIndexByte(into, ' ')+1:]]
	if !ok || !both || want == "" {
		return text
	}
	return fmt.Sprintf("%s wants %s, not the %s that is given", strings.Join(e.Key(), "."), want, got)
}

func unknownKey(path string, line int, key string, names []string) error {
	if names == nil {
		names = []string{"env", "envs", "index"}
		for i := range specs {
			names = append(names, specs[i].name)
		}
	}
	last := key
	if i := strings.LastIndexByte(key, '.'); strings.HasPrefix(key, "envs.") && i > len("envs.") {
		last, names = key[i+1:], []string{"packages", "index", "python", "imports"}
	}
	f := fault.New(fault.BadConfig, "%s:%d: unknown key %q", path, line, key)
	if near := nearest(last, names); near != "" {
		return f.Fix("did you mean %q?", near)
	}
	sort.Strings(names)
	return f.Fix("remove it; known keys are %s", strings.Join(names, ", "))
}

// apply takes over what a file says.
func (s *settings) apply(c fileConfig, path, dir string, sc scope) error {
	for i, v := range c.values() {
		if v == "" {
			continue
		}
		if specs[i].personal && sc == projectScope {
			return fault.New(fault.BadConfig, "%s: %s cannot be set by a project file", path, specs[i].name).
				Fix("remove it there and set it in your own file, %s", "~/.config/modelrun/config.toml")
		}
		under := s.one[i]
		if err := s.set(id(i), v, path, dir); err != nil {
			return err
		}
		if sc == projectScope {
			s.one[i].project, s.one[i].under = dir, &under
		}
	}
	for name, value := range c.Env {
		if s.env == nil {
			s.env = map[string]setting{}
		}
		s.env[name] = setting{value: value, from: path}
	}
	for key, own := range c.Envs {
		if _, err := envdir.ParseKey(key); err != nil {
			return fault.New(fault.BadConfig, "%s: [envs.%q]: %w", path, key, err).Fix("%s", fault.RemedyOf(err))
		}
		if own.Python != "" && strings.Trim(own.Python, "0123456789.") != "" { // uv would run what it finds under another name
			return fault.New(fault.BadConfig, "%s: [envs.%q] python = %q is not a version", path, key, own.Python).Fix(`give one such as python = "3.12"`)
		}
		if len(own.Packages) == 0 {
			return fault.New(fault.BadConfig, "%s: [envs.%q] has no packages", path, key).Fix(`add packages = ["name==version"]`)
		}
		for _, p := range own.Packages {
			if p == "" || strings.HasPrefix(strings.TrimSpace(p), "-") {
				return fault.New(fault.BadConfig, "%s: [envs.%q] packages hold %q, which names no package", path, key, p).Fix(`give names such as "name==version"`)
			}
		}
		own.from = path
		if under, ok := s.envs[key]; ok && sc == projectScope {
			own.under = &under
		}
		if sc == projectScope {
			own.project = dir
		}
		if s.envs == nil {
			s.envs = map[string]ownEnv{}
		}
		s.envs[key] = own
	}
	return nil
}

// values is a file's single values in the order of specs.
func (c fileConfig) values() [settingCount]string {
	str := func(p *string) string {
		if p == nil {
			return ""
		}
		return *p
	}
	yes := func(p *bool) string {
		if p == nil {
			return ""
		}
		return fmt.Sprint(*p)
	}
	return [settingCount]string{
		sRoot: str(c.Root), sModel: str(c.Model), sEnv: str(c.EnvKey), sFamily: str(c.Family), sProfile: str(c.Profile),
		sCwd: str(c.Cwd), sWait: str(c.Wait), sCreateTimeout: str(c.CreateTimeout), sNoCreate: yes(c.NoCreate),
		sNoDegraded: yes(c.NoDegraded), sRequireGPU: yes(c.RequireGPU), sOffline: yes(c.Offline), sIsolated: yes(c.Isolated),
		sEnvFile: str(c.EnvFile), sStatusFile: str(c.StatusFile), sLogLevel: str(c.LogLevel), sLogFormat: str(c.LogFormat),
		sLogFile: str(c.LogFile), sUV: str(c.UV), sIndexDefault: str(c.Index.Default), sIndexTorch: str(c.Index.Torch),
		sFindLinks: lines(c.Index.FindLinks), sTrustedOwners: lines(c.TrustedOwners), sWith: lines(c.With),
	}
}

// lines keeps an array as one value; the last line ends as well, so that a
// single entry with a space in it is told from a variable's two entries.
func lines(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return strings.Join(list, "\n") + "\n"
}

// outside drops what a project file says about what gets installed when the
// root is not inside that project: in a root shared with others that is for
// flags, variables and the user's own file.
func (s *settings) outside(root string) {
	for i := range specs {
		for one := s.one[i]; specs[i].installs && one.project != "" && !within(root, one.project); one = s.one[i] {
			s.ignored = append(s.ignored, fmt.Sprintf("%s: %s is ignored: root %s is outside of that project", one.from, specs[i].name, root))
			s.one[i] = *one.under
		}
	}
	s.outsiders = map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(s.envs)) {
		own := s.envs[key]
		for own.project != "" && !within(root, own.project) {
			s.ignored = append(s.ignored, fmt.Sprintf("%s: [envs.%q] is ignored: root %s is outside of that project", own.from, key, root))
			s.outsiders[key] = own.project
			if own.under == nil {
				delete(s.envs, key)
				break
			}
			own = *own.under
			s.envs[key] = own
		}
	}
}

// within reports whether path is dir or below it, as text.
func within(path, dir string) bool { return fsys.Within(path, dir) }

func userConfig(env execx.Environ) string {
	if runtime.GOOS == "windows" {
		return under(env.Get("APPDATA"), "modelrun", "config.toml")
	}
	if dir := env.Get("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "modelrun", "config.toml")
	}
	return under(env.Get("HOME"), ".config", "modelrun", "config.toml")
}

func systemConfig(env execx.Environ) string {
	if runtime.GOOS == "windows" {
		return under(env.Get("PROGRAMDATA"), "modelrun", "config.toml")
	}
	return "/etc/modelrun/config.toml"
}

// under joins below an absolute folder, "" when there is none.
func under(dir string, elem ...string) string {
	if !filepath.IsAbs(dir) {
		return ""
	}
	return filepath.Join(append([]string{dir}, elem...)...)
}
