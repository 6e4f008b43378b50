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

// join returns a path below the root.
func (r Root) join(elem ...string) string {
	return filepath.Join(append([]string{string(r)}, elem...)...)
}

// Envs returns the folder of everything that modelrun writes into a root.
func (r Root) Envs() string { return r.join(".envs") }

// Profiles returns the folder of the app's hardware profiles.
func (r Root) Profiles() string { return r.join("profiles") }

// Environments returns the folder of the app's old envs.
func (r Root) Environments() string { return r.join("environments") }

// Config returns the project file of a root.
func (r Root) Config() string { return r.join("modelrun.toml") }

// Constraints returns the file with the installed versions of a published env.
func (r Root) Constraints(k Key) string { return r.join("constraints", string(k)+".txt") }

// Shared returns the env that all models with this key share.
func (r Root) Shared(k Key) Dir {
	return Dir{Kind: Shared, Name: string(k), Path: r.join(".envs", string(k))}
}

// Next returns the env that waits while the published one of the same key is in
// use or cannot be moved.
func (r Root) Next(k Key) Dir {
	return Dir{Kind: Next, Name: string(k), Path: r.join(".envs", ".next", string(k))}
}

// Old returns a per-model env of the app. modelrun reads it and never writes to
// it.
func (r Root) Old(id ID) Dir {
	return Dir{Kind: Old, Name: string(id), Path: r.join("environments", string(id))}
}

// OldEnvs returns the folder of replaced and migrated envs.
func (r Root) OldEnvs() string { return r.join(".envs", ".old") }

// Nexts returns the folder of waiting envs.
func (r Root) Nexts() string { return r.join(".envs", ".next") }

// Staging returns the folder in which an env is built. suffix has 8 random hex
// digits.
func (r Root) Staging(k Key, suffix string) Dir {
	return Dir{Kind: Staged, Name: string(k), Path: r.join(".envs", ".tmp", string(k)+"-"+suffix)}
}

// Tmp returns the folder of all staging folders and trash.
func (r Root) Tmp() string { return r.join(".envs", ".tmp") }

// Trash returns a folder that is being deleted. suffix has 8 random hex digits.
func (r Root) Trash(suffix string) string { return r.join(".envs", ".tmp", ".trash-"+suffix) }

// Retired returns the folder in which a replaced or migrated env is kept until
// prune.
func (r Root) Retired(name, suffix string) string { return r.join(".envs", ".old", name+"-"+suffix) }

// Locks returns the folder of locks and leases, and of files about them.
func (r Root) Locks() string { return r.join(".envs", ".locks") }

// Lock returns the creation lock of a key. It is never deleted and stays empty.
func (r Root) Lock(k Key) string { return r.join(".envs", ".locks", string(k)+".lock") }

// Lease returns the file on which programs that run in an env hold a shared
// lock. It is never deleted and stays empty. Its mtime, updated once a day, is
// when the env was last used. An env in .next has its own lease: programs that
// run in the published env do not block it.
func (r Root) Lease(d Dir) string {
	if d.Kind == Next {
		return r.join(".envs", ".locks", d.Name+".next-use")
	}
	return r.join(".envs", ".locks", d.Name+".use")
}

// Owner returns the file that describes the holder of the creation lock and its
// progress. It is advisory.
func (r Root) Owner(k Key) string { return r.join(".envs", ".locks", string(k)+".owner.json") }

// Failure returns the file about the last failed creation of a key. It is
// advisory.
func (r Root) Failure(k Key) string { return r.join(".envs", ".locks", string(k)+".fail.json") }

// Journal returns the file that exists during a publish that takes two renames.
func (r Root) Journal(k Key) string { return r.join(".envs", ".locks", string(k)+".publish.json") }

// State returns the folder of one machine's cached verdicts and hardware. It
// can be deleted at any time.
func (r Root) State(machine string) string { return r.join(".envs", ".state", machine) }

// States returns the folder of all machines' states.
func (r Root) States() string { return r.join(".envs", ".state") }

// Models returns the folder that records which models were started in which
// env.
func (r Root) Models() string { return r.join(".envs", ".state", "models") }

// Model returns a small file which records that this model was started in this
// env. It is also state: it can be deleted at any time.
func (r Root) Model(d Dir, id ID) string {
	return r.join(".envs", ".state", "models", d.Name, string(id))
}

// Logs returns the folder of the installer's full output.
func (r Root) Logs() string { return r.join(".envs", ".logs") }

// logTime is the format of the time in the name of a log: the start of the
// creation.
const logTime = "20060102T150405Z"

// Log returns the log file of one creation.
func (r Root) Log(k Key, at time.Time) string {
	return r.join(".envs", ".logs", string(k)+"-"+at.UTC().Format(logTime)+".log")
}

// Cache returns uv's cache. It is on the same file system as the envs, so that
// uv links files instead of copying them, and one syncfs covers both.
func (r Root) Cache() string { return r.join(".envs", ".cache", "uv") }

// Tools returns the folder of tools that modelrun installed.
func (r Root) Tools() string { return r.join(".envs", ".tools") }

// UV returns the folder of a uv that modelrun installed.
func (r Root) UV(version string) string { return r.join(".envs", ".tools", "uv-"+version) }

// Pythons returns the folder for Pythons that uv downloads.
func (r Root) Pythons() string { return r.join(".envs", ".python") }

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
