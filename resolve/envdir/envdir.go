// Package envdir spells every path, key and id of a root. Nobody else joins
// such paths. It never touches the disk.
package envdir

import (
	"path/filepath"
	"strings"
	"time"
)

// Root is the absolute path of the folder that holds .envs/ and, in older
// installs, environments/ and profiles/.
type Root string

func (r Root) join(elem ...string) string {
	return filepath.Join(append([]string{string(r)}, elem...)...)
}

// Envs is the folder of everything that modelrun writes in a root.
func (r Root) Envs() string { return r.join(".envs") }

// Profiles is the folder of the app's hardware profiles.
func (r Root) Profiles() string { return r.join("profiles") }

// Environments is the folder of the app's old envs.
func (r Root) Environments() string { return r.join("environments") }

// Config is the project file of a root.
func (r Root) Config() string { return r.join("modelrun.toml") }

// Constraints is the freeze of a published env.
func (r Root) Constraints(k Key) string { return r.join("constraints", string(k)+".txt") }

// Shared is the env that all models with the same key share.
func (r Root) Shared(k Key) Dir {
	return Dir{Kind: Shared, Name: string(k), Path: r.join(".envs", string(k))}
}

// Next is where a new env of a key waits while the published one is in use or
// cannot be moved.
func (r Root) Next(k Key) Dir {
	return Dir{Kind: Next, Name: string(k), Path: r.join(".envs", ".next", string(k))}
}

// Old is a per-model env of the app. It is read, never written.
func (r Root) Old(id ID) Dir {
	return Dir{Kind: Old, Name: string(id), Path: r.join("environments", string(id))}
}

// OldEnvs is the folder of replaced and migrated envs.
func (r Root) OldEnvs() string { return r.join(".envs", ".old") }

// Nexts is the folder of envs that wait for their place.
func (r Root) Nexts() string { return r.join(".envs", ".next") }

// Staging is where an env is built; suffix is 8 random hex digits.
func (r Root) Staging(k Key, suffix string) Dir {
	return Dir{Kind: Staged, Name: string(k), Path: r.join(".envs", ".tmp", string(k)+"-"+suffix)}
}

// Tmp is the folder of all staging and trash.
func (r Root) Tmp() string { return r.join(".envs", ".tmp") }

// Trash is a folder that is being deleted; suffix is 8 random hex digits.
func (r Root) Trash(suffix string) string { return r.join(".envs", ".tmp", ".trash-"+suffix) }

// Retired is where a replaced or migrated env is kept until prune.
func (r Root) Retired(name, suffix string) string { return r.join(".envs", ".old", name+"-"+suffix) }

// Locks is the folder of locks, leases and what is said about them.
func (r Root) Locks() string { return r.join(".envs", ".locks") }

// Lock is the creation lock of a key: never deleted, kept empty.
func (r Root) Lock(k Key) string { return r.join(".envs", ".locks", string(k)+".lock") }

// Lease is the file that programs running in an env hold a shared lock on:
// never deleted, kept empty. Its mtime, touched once a day, says when the env
// was last used. What waits in .next has one of its own: who runs in the
// published env is not in its way.
func (r Root) Lease(d Dir) string {
	if d.Kind == Next {
		return r.join(".envs", ".locks", d.Name+".next-use")
	}
	return r.join(".envs", ".locks", d.Name+".use")
}

// Owner says who holds the creation lock and how far the creation is. Advisory.
func (r Root) Owner(k Key) string { return r.join(".envs", ".locks", string(k)+".owner.json") }

// Failure is the last failed creation of a key. Advisory.
func (r Root) Failure(k Key) string { return r.join(".envs", ".locks", string(k)+".fail.json") }

// Journal is written around a publish that takes two renames.
func (r Root) Journal(k Key) string { return r.join(".envs", ".locks", string(k)+".publish.json") }

// State is the folder of cached verdicts and hardware of one machine. It may be
// deleted at any time.
func (r Root) State(machine string) string { return r.join(".envs", ".state", machine) }

// States is the folder of the states of all machines.
func (r Root) States() string { return r.join(".envs", ".state") }

// Models is the folder of what says which models were started in which env.
func (r Root) Models() string { return r.join(".envs", ".state", "models") }

// Model is a small file that says: this model was started in this env. It is
// state, too: it may be deleted at any time.
func (r Root) Model(d Dir, id ID) string {
	return r.join(".envs", ".state", "models", d.Name, string(id))
}

// Logs is the folder of the installer's full output.
func (r Root) Logs() string { return r.join(".envs", ".logs") }

// logTime is when a creation began, in the name of its log.
const logTime = "20060102T150405Z"

// Log is the file of one creation.
func (r Root) Log(k Key, at time.Time) string {
	return r.join(".envs", ".logs", string(k)+"-"+at.UTC().Format(logTime)+".log")
}

// Cache is uv's cache: on the same file system as the envs, so that uv links
// instead of copying and one syncfs covers both.
func (r Root) Cache() string { return r.join(".envs", ".cache", "uv") }

// Tools is the folder of the tools that modelrun installed.
func (r Root) Tools() string { return r.join(".envs", ".tools") }

// UV is the folder of the uv that modelrun installed.
func (r Root) UV(version string) string { return r.join(".envs", ".tools", "uv-"+version) }

// Pythons is where uv puts the Pythons that it downloads.
func (r Root) Pythons() string { return r.join(".envs", ".python") }

// ParseStaging splits the name of a staging folder, <key>-<8 hex>. The key is
// compared whole: torch-cu121 must not match torch-cu121-transformers-0123abcd.
func ParseStaging(name string) (k Key, suffix string, ok bool) {
	stem, suffix, ok := ParseRetired(name)
	if !ok || badKey(stem) != "" {
		return "", "", false
	}
	return Key(stem), suffix, true
}

// ParseRetired splits the name of a folder in .old, <key or id>-<8 hex>.
func ParseRetired(name string) (stem, suffix string, ok bool) {
	cut := len(name) - 9
	if cut < 1 || name[cut] != '-' || !hex8(name[cut+1:]) {
		return "", "", false
	}
	return name[:cut], name[cut+1:], true
}

// OldID is the id that a folder in environments/ has as its name; not ok for a
// name that is no model's.
func OldID(name string) (id ID, ok bool) {
	id = HubID(name)
	return id, string(id) == name && id != ""
}

// ParseTrash reports whether a name in .tmp is that of trash.
func ParseTrash(name string) bool {
	suffix, ok := strings.CutPrefix(name, filepath.Base(Root("").Trash("")))
	return ok && hex8(suffix)
}

// ParseTemp reports whether a name is that of a file that was being written,
// .<name>-<8 hex>.
func ParseTemp(name string) bool {
	_, _, ok := ParseRetired(name)
	return ok && name[0] == '.' && !ParseTrash(name)
}

// ParseLog splits the name of a log, <key>-<time>.log.
func ParseLog(name string) (k Key, at time.Time, ok bool) {
	stem, isLog := strings.CutSuffix(name, ".log")
	cut := strings.LastIndexByte(stem, '-')
	if !isLog || cut < 1 || badKey(stem[:cut]) != "" {
		return "", time.Time{}, false
	}
	at, err := time.Parse(logTime, stem[cut+1:])
	return Key(stem[:cut]), at, err == nil
}

func hex8(s string) bool { return len(s) == 8 && strings.Trim(s, "0123456789abcdef") == "" }

// Kind says what part an env plays.
type Kind string

// The kinds of env, as JSON and MODELRUN_ACTIVE_STRATEGY's readers see them.
const (
	Shared Kind = "shared"
	Next   Kind = "next"
	Old    Kind = "old"
	Staged Kind = "staging"
)

// Dir is one env's folder: it holds .venv and, when modelrun made it, READY.json.
type Dir struct {
	Kind Kind
	Name string // the key, or the id of an old env
	Path string
}

// Venv is the environment itself.
func (d Dir) Venv() string { return filepath.Join(d.Path, ".venv") }

// Ready is the seal, written last.
func (d Dir) Ready() string { return filepath.Join(d.Path, "READY.json") }

// Cfg is the file that makes a folder a venv.
func (d Dir) Cfg() string { return filepath.Join(d.Path, ".venv", "pyvenv.cfg") }

// Python is the env's interpreter.
func (d Dir) Python() string { return filepath.Join(d.Path, ".venv", scripts, "python"+exe) }

// Pythonw is the env's interpreter without a console; the same as Python
// where the system makes no difference.
func (d Dir) Pythonw() string { return filepath.Join(d.Path, ".venv", scripts, pythonw) }

// Scripts is the folder of the env's commands.
func (d Dir) Scripts() string { return filepath.Join(d.Path, ".venv", scripts) }

// SitePackages is where the env's packages lie, for a Python "3.12".
func (d Dir) SitePackages(minor string) string {
	return filepath.Join(d.Path, ".venv", sitePackages(minor))
}

// SourceOf is the module that byte code is of: a/__pycache__/b.cpython-312.pyc is
// a/b.py's. Not guaranteed: byte code of python -O, which has one more dot.
func SourceOf(pyc string) string {
	dir, name := filepath.Split(pyc)
	name = strings.TrimSuffix(name, ".pyc")
	return filepath.Join(filepath.Dir(filepath.Clean(dir)), strings.TrimSuffix(name, filepath.Ext(name))+".py")
}
