package launcher

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/modelrun/modelrun/resolve/fault"
)

// Finding is a problem with a launcher.
type Finding struct {
	ID     string // stable: see docs/json.md
	Text   string // one line
	Remedy string // a command; a last word in capitals is a placeholder for the user
}

// Environment is the information that Check needs from its caller.
type Environment struct {
	Script  string            // absolute path of the script that the command starts; may be ""
	Account func(string) bool // whether an account exists
	Path    []string          // the folders of PATH
}

// Check reports everything that a launcher names and that is missing, and files
// that were changed. It starts and changes nothing.
func (rec *Record) Check(e Environment) []Finding {
	var out []Finding
	repair := "modelrun launcher repair " + fault.Quote(rec.Name)
	say := func(id, remedy, format string, args ...any) {
		out = append(out, Finding{id, fmt.Sprintf(format, args...), remedy})
	}
	if info, err := os.Stat(rec.Program); err != nil || info.IsDir() || runtime.GOOS != "windows" && info.Mode()&0o111 == 0 {
		say("program", repair, "modelrun %s is not there, or cannot be started", rec.Program)
	}
	for _, want := range []struct {
		id, path, option string
		folder           bool
	}{
		{"folder", rec.Dir, "-C DIR", true},
		{"model", absoluteOnly(rec.option("model")), "-m MODEL", false},
		{"root", rec.option("root"), "--root DIR", true},
		{"env-file", rec.option("env-file"), "--env-file FILE", false},
		{"icon", rec.Icon, "--icon FILE", false},
		{"script", e.Script, "-C DIR", false},
	} {
		if want.path == "" {
			continue
		}
		if info, err := os.Stat(want.path); err != nil || want.folder && !info.IsDir() {
			say(want.id, repair+" "+want.option, "%s %s is not there", want.id, want.path)
		}
	}
	if rec.Account != "" && !e.Account(rec.Account) {
		say("account", repair+" --account NAME", "there is no account %s", rec.Account)
	}
	for _, w := range rec.Files {
		switch w.State() {
		case Missing:
			say("file-missing", repair, "%s is not there", w.Path)
		case Changed:
			say("file-changed", repair, "%s was changed by hand; repair keeps it as .bak", w.Path)
		case Same:
			if info, err := os.Stat(w.Path); rec.Kind == Script && err == nil && info.Mode()&0o111 == 0 {
				say("file-changed", repair, "%s is not executable", w.Path)
			}
		}
	}
	if old := rec.oldCopy(); old != "" {
		say("copy", repair, "%s is a copy of another modelrun than %s is now", old, rec.Program)
	}
	if first := rec.shadow(e); first != "" {
		say("shadowed", fault.Shell("mv ", "move ", first)+" "+fault.Quote(first+".off"), "%s is another program of that name, and is found first", first)
	}
	return out
}

// oldCopy returns a file that is a copy of an older version of the program, or
// "".
func (rec *Record) oldCopy() string {
	files, err := Render(rec.Spec)
	if err != nil || len(files) != len(rec.Files) {
		return ""
	}
	for i, f := range files {
		if data, err := f.content(); f.Copy != "" && err == nil && digest(f.Name, data) != rec.Files[i].SHA256 {
			return rec.Files[i].Path
		}
	}
	return ""
}

// absoluteOnly returns a path, or "" for the org/name of a model on the hub.
func absoluteOnly(path string) string {
	if !filepath.IsAbs(path) {
		return ""
	}
	return path
}

// shadow returns another file that PATH finds first under the launcher's name,
// or "".
func (rec *Record) shadow(e Environment) string {
	path, first := rec.Files[0].Path, ""
	if rec.Kind != Script && rec.Kind != Batch && rec.Kind != Exe {
		return ""
	}
	for _, dir := range e.Path {
		if filepath.Clean(dir) == filepath.Dir(path) {
			return first
		}
		other := filepath.Join(dir, filepath.Base(path))
		if info, err := os.Stat(other); first == "" && filepath.IsAbs(dir) && err == nil && !info.IsDir() && !sameFile(other, path) {
			first = other
		}
	}
	return "" // PATH does not find the launcher
}

// sameFile reports whether two names refer to the same file.
func sameFile(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}
