// Package envdir defines every path, key and id of a root. All other packages
// get such paths from here. It reads and writes no files.
package envdir

import (
	"path/filepath"
	"strings"
	"time"
)

// Root is the absolute path of the folder that contains .envs/ and, in older
// installs, environments/ and profiles/.
type Root string

// Envs returns the folder of everything that modelrun writes into a root.
func (r Root) Envs() string { return join(r, ".envs") }

// Profiles returns the folder of the app's hardware profiles.
func (r Root) Profiles() string { return join(r, "profiles") }

// Environments returns the folder of the app's old envs.
func (r Root) Environments() string { return join(r, "environments") }

// Shared returns the env that all models with this key share.
func (r Root) Shared(k Key) Dir {
	return Dir{Kind: Shared, Name: string(k), Path: join(r, ".envs", string(k))}
}

// Next returns the env that waits while the published one of the same key is in
// use or cannot be moved.
func (r Root) Next(k Key) Dir {
	return Dir{Kind: Next, Name: string(k), Path: join(r, ".envs", ".next", string(k))}
}

// Old returns a per-model env of the app. modelrun reads it and never writes to
// it.
func (r Root) Old(id ID) Dir {
	return Dir{Kind: Old, Name: string(id), Path: join(r, "environments", string(id))}
}

// OldEnvs returns the folder of replaced and migrated envs.
func (r Root) OldEnvs() string { return join(r, ".envs", ".old") }

// Nexts returns the folder of waiting envs.
func (r Root) Nexts() string { return join(r, ".envs", ".next") }

// Staging returns the folder in which an env is built. suffix has 8 random hex
// digits.
func (r Root) Staging(k Key, suffix string) Dir {
	return Dir{Kind: Staged, Name: string(k), Path: join(r, ".envs", ".tmp", string(k)+"-"+suffix)}
}

// Tmp returns the folder of all staging folders and trash.
func (r Root) Tmp() string { return join(r, ".envs", ".tmp") }

// Trash returns a folder that is being deleted. suffix has 8 random hex digits.
func (r Root) Trash(suffix string) string { return join(r, ".envs", ".tmp", ".trash-"+suffix) }

// Retired returns the folder in which a replaced or migrated env is kept until
// prune.
func (r Root) Retired(name, suffix string) string { return join(r, ".envs", ".old", name+"-"+suffix) }

// Files returns the files about one key.
func (r Root) Files(k Key) Files { return Files{r, k} }

// Locks returns the folder of locks and leases, and of files about them.
func (r Root) Locks() string { return join(r, ".envs", ".locks") }

// Lease returns the file on which programs that run in an env hold a shared
// lock. It is never deleted and stays empty. Its mtime, updated once a day, is
// when the env was last used. An env in .next has its own lease: programs that
// run in the published env do not block it.
func (r Root) Lease(d Dir) string {
	if d.Kind == Next {
		return join(r, ".envs", ".locks", d.Name+".next-use")
	}
	return join(r, ".envs", ".locks", d.Name+".use")
}

// Logs returns the folder of the installer's full output.
func (r Root) Logs() string { return join(r, ".envs", ".logs") }

// State returns the files that can be deleted at any time.
func (r Root) State() State { return State{r} }

// Cache returns uv's cache. It is on the same file system as the envs, so that
// uv links files instead of copying them, and one syncfs covers both.
func (r Root) Cache() string { return join(r, ".envs", ".cache", "uv") }

// Tools returns the programs that envs are built with.
func (r Root) Tools() Tools { return Tools{r} }

// join returns a path below the root.
func join(r Root, elem ...string) string {
	return filepath.Join(append([]string{string(r)}, elem...)...)
}

// Files provides the paths of the files about one key. They are outside its env, so
// that they outlive it.
type Files struct {
	root Root
	key  Key
}

// Lock returns the creation lock of the key. It is never deleted and stays empty.
func (f Files) Lock() string { return join(f.root, ".envs", ".locks", string(f.key)+".lock") }

// Owner returns the file that describes the holder of the creation lock and its
// progress. It is advisory.
func (f Files) Owner() string { return join(f.root, ".envs", ".locks", string(f.key)+".owner.json") }

// Failure returns the file about the last failed creation of the key. It is
// advisory.
func (f Files) Failure() string { return join(f.root, ".envs", ".locks", string(f.key)+".fail.json") }

// Journal returns the file that exists during a publish with two renames.
func (f Files) Journal() string {
	return join(f.root, ".envs", ".locks", string(f.key)+".publish.json")
}

// logTime is the format of the time in the name of a log: the start of the
// creation.
const logTime = "20060102T150405Z"

// Log returns the log file of one creation.
func (f Files) Log(at time.Time) string {
	return join(f.root, ".envs", ".logs", string(f.key)+"-"+at.UTC().Format(logTime)+".log")
}

// Constraints returns the file with the installed versions of a published env.
func (f Files) Constraints() string { return join(f.root, "constraints", string(f.key)+".txt") }

// State provides the paths of everything that can be deleted at any time, because
// modelrun can determine it again.
type State struct{ root Root }

// Dir returns the folder of all state.
func (s State) Dir() string { return join(s.root, ".envs", ".state") }

// Machine returns the folder of one machine's cached verdicts and hardware.
func (s State) Machine(id string) string { return filepath.Join(s.Dir(), id) }

// Models returns the folder that records which models were started in which
// env.
func (s State) Models() string { return filepath.Join(s.Dir(), "models") }

// Model returns a small file which records that this model was started in this
// env.
func (s State) Model(d Dir, id ID) string { return filepath.Join(s.Models(), d.Name, string(id)) }

// Tools provides the paths of the programs that envs are built with.
type Tools struct{ root Root }

// Dir returns the folder of tools that modelrun installed.
func (t Tools) Dir() string { return join(t.root, ".envs", ".tools") }

// UV returns the folder of a uv that modelrun installed.
func (t Tools) UV(version string) string { return filepath.Join(t.Dir(), "uv-"+version) }

// Pythons returns the folder for Pythons that uv downloads.
func (t Tools) Pythons() string { return join(t.root, ".envs", ".python") }

// ParseStaging splits the name of a staging folder, <key>-<8 hex>. It returns
// the whole key: torch-cu121 must not match torch-cu121-transformers-0123abcd.
func ParseStaging(name string) (k Key, suffix string, ok bool) {
	stem, suffix, ok := ParseRetired(name)
	if !ok || keyProblem(stem) != "" {
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

// OldID returns the id of an old env by the name of its folder in
// environments/. ok is false for a name that is not a model's.
func OldID(name string) (id ID, ok bool) {
	id = HubID(name)
	return id, string(id) == name && id != ""
}

// ParseTrash reports whether a name in .tmp is a trash folder.
func ParseTrash(name string) bool {
	suffix, ok := strings.CutPrefix(name, filepath.Base(Root("").Trash("")))
	return ok && hex8(suffix)
}

// ParseTemp reports whether a name is that of an incomplete file,
// .<name>-<8 hex>.
func ParseTemp(name string) bool {
	_, _, ok := ParseRetired(name)
	return ok && name[0] == '.' && !ParseTrash(name)
}

// ParseLog splits the name of a log, <key>-<time>.log.
func ParseLog(name string) (k Key, at time.Time, ok bool) {
	stem, isLog := strings.CutSuffix(name, ".log")
	cut := strings.LastIndexByte(stem, '-')
	if !isLog || cut < 1 || keyProblem(stem[:cut]) != "" {
		return "", time.Time{}, false
	}
	at, err := time.Parse(logTime, stem[cut+1:])
	return Key(stem[:cut]), at, err == nil
}

// hex8 reports whether s has 8 lower-case hex digits.
func hex8(s string) bool { return len(s) == 8 && strings.Trim(s, "0123456789abcdef") == "" }

// Kind is the role of an env.
type Kind string

// The kinds of env, as in JSON and MODELRUN_ACTIVE_STRATEGY.
const (
	Shared Kind = "shared"
	Next   Kind = "next"
	Old    Kind = "old"
	Staged Kind = "staging"
)

// Dir is the folder of one env. It contains .venv and, if modelrun created it,
// READY.json.
type Dir struct {
	Kind Kind   // the role of the env
	Name string // the key, or the id of an old env
	Path string // of the folder
}

// Venv returns the venv.
func (d Dir) Venv() string { return filepath.Join(d.Path, ".venv") }

// Ready returns the seal, which is written last.
func (d Dir) Ready() string { return filepath.Join(d.Path, "READY.json") }

// Pylock returns the lock from which the env was installed: pylock.toml, the name
// that PEP 751 asks for.
func (d Dir) Pylock() string { return filepath.Join(d.Path, "pylock.toml") }

// Cfg returns the file that makes a folder a venv.
func (d Dir) Cfg() string { return filepath.Join(d.Path, ".venv", "pyvenv.cfg") }

// Python returns the env's interpreter.
func (d Dir) Python() string { return filepath.Join(d.Path, ".venv", scripts, "python"+exe) }

// Pythonw returns the env's interpreter without a console. It is the same as
// Python on systems without this distinction.
func (d Dir) Pythonw() string { return filepath.Join(d.Path, ".venv", scripts, pythonw) }

// Scripts returns the folder of the env's commands.
func (d Dir) Scripts() string { return filepath.Join(d.Path, ".venv", scripts) }

// SitePackages returns the folder of the env's packages, for a Python "3.12".
func (d Dir) SitePackages(minor string) string {
	return filepath.Join(d.Path, ".venv", sitePackages(minor))
}

// SourceOf returns the module of byte code: a/b.py for
// a/__pycache__/b.cpython-312.pyc. The result is undefined for byte code of
// python -O, which has one more dot.
func SourceOf(pyc string) string {
	dir, name := filepath.Split(pyc)
	name = strings.TrimSuffix(name, ".pyc")
	return filepath.Join(filepath.Dir(filepath.Clean(dir)), strings.TrimSuffix(name, filepath.Ext(name))+".py")
}
