package config

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
)

// ProjectFile is the name of a project's file. modelrun searches for it upward.
const ProjectFile = "modelrun.toml"

// MaxSize is the limit for a config file, in bytes. It is far above any file
// written by hand.
const MaxSize = 1 << 20

// scope is who can write a config file. It decides how far the file is trusted.
type scope int

const (
	projectScope scope = iota // the author of the project
	userScope                 // the user, or the administrator
)

// files reads every source below the variables, the weakest first.
func (l *loader) files() error {
	for _, file := range []string{systemFile(l.in.Env), UserFile(l.in.Env)} {
		if _, err := l.file(file, userScope); err != nil {
			return err
		}
	}
	if err := l.readScript(); err != nil {
		return err
	}
	for _, start := range append([]string{l.base}, l.scriptDirs...) {
		for dir := start; ; dir = filepath.Dir(dir) {
			found, err := l.file(filepath.Join(dir, ProjectFile), projectScope)
			if err != nil || found {
				return err
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return nil
}

// file reads one config file. A missing file is not an error. Another user's file
// is ignored in a folder where every user can create files. Anywhere else it is an
// error, because otherwise settings that the user expects would silently not apply.
func (l *loader) file(path string, sc scope) (found bool, err error) {
	if path == "" {
		return false, nil
	}
	data, err := ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errFolder) {
		return false, nil
	}
	owners := l.List("trusted_owners")
	if sc == userScope {
		owners = nil // this file itself names the trusted owners
	}
	if why := fsys.Trusted(path, owners); fault.CodeOf(why) == fault.Untrusted {
		if sc == projectScope && worldWritable(filepath.Dir(path)) {
			l.ignored = append(l.ignored, path+" is ignored: "+strings.TrimPrefix(why.Error(), path+" "))
			return false, nil
		}
		return false, why
	}
	if err != nil {
		return false, fault.New(fault.BadConfig, "config file %s cannot be read: %w", path, err).
			Fix("make it readable, or remove it")
	}
	doc, err := readDocument(data, l.table, path)
	if err != nil {
		return false, err
	}
	return true, l.apply(doc, path, filepath.Dir(path), sc)
}

var errFolder = errors.New("not a file")

// ReadFile reads a config file. If a parent of path is a file, the error is
// fs.ErrNotExist. A pipe, or a file of more than [MaxSize], is an error.
func ReadFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil && strings.Contains(err.Error(), "not a directory"):
		return nil, fs.ErrNotExist
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, errFolder
	case !info.Mode().IsRegular():
		return nil, errors.New("it is no regular file") // a pipe would block every launch
	case info.Size() > MaxSize:
		return nil, fmt.Errorf("it has %d bytes, more than any config", info.Size())
	}
	data, err := os.ReadFile(path)
	return bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF")), err // editors on Windows write this byte order mark
}

// Strict says how [DecodeStrict] treats keys that the target does not have.
type Strict struct {
	Known  []string // keys to suggest
	Prefix string   // only keys below it are an error: a script also holds other tools' tables
	Line   int      // added to the line numbers of the data
}

// DecodeStrict decodes TOML. An unknown key is an error with file, line and the
// nearest name. Every error has the code BadConfig.
func DecodeStrict(data []byte, target any, path string, s Strict) error {
	err := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields().Decode(target)
	if err == nil {
		return nil
	}
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) {
		for _, e := range strict.Errors {
			key := strings.Join(e.Key(), ".")
			if strings.HasPrefix(key, s.Prefix) {
				row, _ := e.Position()
				return unknownKey(path, row+s.Line, strings.TrimPrefix(key, s.Prefix), s.Known)
			}
		}
		return nil
	}
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		row, column := decode.Position()
		return fault.New(fault.BadConfig, "%s:%d:%d: %s", path, row+s.Line, column, describe(decode)).
			Fix("correct that line")
	}
	return fault.New(fault.BadConfig, "%s: %w", path, err).Fix("correct that file")
}

// describe returns the reason of a decoding error without the names of our types.
func describe(e *toml.DecodeError) string {
	text := strings.TrimPrefix(e.Error(), "toml: ")
	rest, ok := strings.CutPrefix(text, "cannot decode TOML ")
	got, into, both := strings.Cut(rest, " into ")
	want := map[string]string{
		"string": "a string in quotes", "bool": "true or false", "[]string": `a list such as ["a", "b"]`, "map[string]string": "a table",
	}[into[strings.LastIndexByte(into, ' ')+1:]]
	if strings.HasSuffix(into, "}") || strings.HasSuffix(into, "OwnEnv") { // a struct, or a map of structs
		want = "a table"
	}
	if !ok || !both || want == "" {
		return text
	}
	return fmt.Sprintf("%s wants %s, not the %s that is given", strings.Join(e.Key(), "."), want, got)
}

func unknownKey(path string, line int, key string, names []string) error {
	last := key
	if i := strings.LastIndexByte(key, '.'); strings.HasPrefix(key, "envs.") && i > len("envs.") {
		last, names = key[i+1:], slices.Clone(ownKeys)
	}
	f := fault.New(fault.BadConfig, "%s:%d: unknown key %q", path, line, key)
	if near := fault.Nearest(last, names); near != "" {
		return f.Fix("did you mean %q?", near)
	}
	sort.Strings(names)
	return f.Fix("remove it; known keys are %s", strings.Join(names, ", "))
}

// apply stores the content of a file.
func (l *loader) apply(doc document, path, dir string, sc scope) error {
	for i, v := range doc.settings {
		if v == "" {
			continue
		}
		if l.table[i].Personal && sc == projectScope {
			return fault.New(fault.BadConfig, "%s: %s cannot be set by a project file", path, l.table[i].Name).
				Fix("remove it there and set it in your own file, %s", "~/.config/modelrun/config.toml")
		}
		under := l.values[i]
		if err := l.set(i, v, path, dir); err != nil {
			return err
		}
		if sc == projectScope {
			l.values[i].Project, l.values[i].under = dir, &under
		}
	}
	for name, value := range doc.env {
		if l.vars == nil {
			l.vars = map[string]Value{}
		}
		l.vars[name] = Value{Text: value, From: path}
	}
	for key, own := range doc.envs {
		own.From = path
		if own.Err == nil {
			own.Err = own.check(key, path)
		}
		if own.Requirements != "" {
			own.Requirements = fsys.Absolute(own.Requirements, dir)
		}
		if under, ok := l.envs[key]; ok && sc == projectScope {
			own.under = &under
		}
		if sc == projectScope {
			own.Project = dir
		}
		if l.envs == nil {
			l.envs = map[string]OwnEnv{}
		}
		l.envs[key] = own
	}
	return nil
}

// limitProject drops a project's settings of what gets installed if the root is
// outside that project. In a root that others share, only flags, variables and the
// user's own file may set it.
func (l *loader) limitProject() {
	root := string(l.root.dir)
	for i := range l.table {
		for v := l.values[i]; l.table[i].Installs && v.Project != "" && !inside(l.root.dir, v.Project); v = l.values[i] {
			l.ignored = append(l.ignored, fmt.Sprintf("%s: %s is ignored: root %s is outside of that project", v.From, l.table[i].Name, root))
			l.values[i] = *v.under
		}
	}
	for _, d := range l.direct {
		if inside(l.root.dir, d.project) {
			l.needs = append(l.needs, d.Requirement)
			continue
		}
		l.ignored = append(l.ignored, fmt.Sprintf("%s: %s is ignored: root %s is outside of that project. To use it, ask for it yourself: --with %s",
			d.from, d.Short(), root, fault.Quote(d.String())))
	}
	l.outsiders = map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(l.envs)) {
		own := l.envs[key]
		for own.Project != "" && !inside(l.root.dir, own.Project) {
			l.ignored = append(l.ignored, fmt.Sprintf("%s: [envs.%q] is ignored: root %s is outside of that project", own.From, key, root))
			l.outsiders[key] = own.Project
			if own.under == nil {
				delete(l.envs, key)
				break
			}
			own = *own.under
			l.envs[key] = own
		}
	}
}

// inside reports whether the envs of a root are inside a project. A project may hold a
// symbolic link to a root that others share.
func inside(root envdir.Root, project string) bool {
	return fsys.Within(string(root), project) && fsys.Within(resolved(root.Envs()), resolved(project))
}

// resolved returns a path without symbolic links. What does not exist yet is no link. A
// link that leads nowhere gives a path that is within no folder.
func resolved(path string) string {
	target, err := filepath.EvalSymlinks(path)
	switch parent := filepath.Dir(path); {
	case err == nil:
		return target
	case fsys.Exists(path) || parent == path:
		return ""
	default:
		return filepath.Join(resolved(parent), filepath.Base(path))
	}
}

// UserFile returns the path of the user's config file, or "" if the user has no
// home.
func UserFile(env execx.Environ) string {
	if runtime.GOOS == "windows" {
		return Under(env.Get("APPDATA"), "modelrun", "config.toml")
	}
	if dir := env.Get("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "modelrun", "config.toml")
	}
	return Under(env.Get("HOME"), ".config", "modelrun", "config.toml")
}

func systemFile(env execx.Environ) string {
	if runtime.GOOS == "windows" {
		return Under(env.Get("PROGRAMDATA"), "modelrun", "config.toml")
	}
	return "/etc/modelrun/config.toml"
}

// StateHome returns the user's folder for verdicts when the root is read-only, or
// "" if the user has no home.
func StateHome(env execx.Environ) string {
	if runtime.GOOS == "windows" {
		return Under(env.Get("LOCALAPPDATA"), "modelrun", "state")
	}
	if dir := env.Get("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "modelrun")
	}
	return Under(env.Get("HOME"), ".local", "state", "modelrun")
}

// Under joins elements to an absolute folder. It returns "" if dir is not absolute.
func Under(dir string, elem ...string) string {
	if !filepath.IsAbs(dir) {
		return ""
	}
	return filepath.Join(append([]string{dir}, elem...)...)
}
