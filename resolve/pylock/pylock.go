// Package pylock reads and writes lock files: pylock.toml of PEP 751, as uv and pip
// write it.
//
// https://packaging.python.org/en/latest/specifications/pylock-toml/
package pylock

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/modelrun/modelrun/resolve/requirement"
)

// File is a lock file.
type File struct {
	Text     []byte    // the file itself
	Path     string    // of the file, for messages; "" if it does not matter
	Packages []Package // in the order of the file
	Python   string    // "3.11", if the file says for which minor version it was made
	Platform string    // "linux x86_64", if the file says so

	createdBy    string   // the tool that made it
	requires     string   // requires-python
	environments []string // markers; the file is for a machine that one of them describes
	doc          map[string]any
}

// Package is a package of a lock file.
type Package struct {
	Name, Version string
	Size          int64    // bytes of the largest wheel, else of the source; 0 if it is not known
	Source        bool     // there is no wheel: uv builds one
	Direct        bool     // it comes from an address, not from an index
	Folder        bool     // it is a folder, whose content is not locked
	Hashes        []string // "sha256:…" of every file, sorted

	marker   string
	wheels   []string // the names of the files
	commit   string   // of a repository
	unlocked string   // a file without a hash
	local    []string // the paths of the files, if all are on this disk
}

// MaxSize is far above the size of a lock: 1,000 packages with 20 wheels each have 6 MB.
const MaxSize = 32 << 20

// MaxWheel is far above the size of any wheel: 1 TiB.
const MaxWheel = 1 << 40

// artifact is a file of a package.
type artifact struct {
	Name   string            `toml:"name"`
	Size   int64             `toml:"size"`
	URL    string            `toml:"url"`
	Path   string            `toml:"path"`
	Hashes map[string]string `toml:"hashes"`
}

// name returns the name of the file.
func (a artifact) name() string {
	if a.Name != "" {
		return a.Name
	}
	at := a.URL + a.Path
	at, _, _ = strings.Cut(at, "#")
	at, _, _ = strings.Cut(at, "?")
	return strings.NewReplacer("%2B", "+", "%2b", "+", "%21", "!").Replace(at[strings.LastIndexAny(at, `/\`)+1:])
}

// local returns the path of a file on this disk, or "".
func (a artifact) local() string {
	if u, err := url.Parse(a.URL); err == nil && u.Scheme == "file" {
		if len(u.Path) > 2 && u.Path[2] == ':' { // /C:/…
			return filepath.FromSlash(u.Path[1:])
		}
		return filepath.FromSlash(u.Path)
	}
	return a.Path
}

// entry is a package as the file describes it.
type entry struct {
	Name      string     `toml:"name"`
	Version   string     `toml:"version"`
	Marker    string     `toml:"marker"`
	Wheels    []artifact `toml:"wheels"`
	Archive   *artifact  `toml:"archive"`
	Sdist     *artifact  `toml:"sdist"`
	Directory *struct{}  `toml:"directory"`
	VCS       *struct {
		Commit string `toml:"commit-id"`
	} `toml:"vcs"`
}

// Parse reads a lock file. An error names the line.
func Parse(text []byte) (File, error) {
	var in struct {
		Version      string   `toml:"lock-version"`
		CreatedBy    string   `toml:"created-by"`
		Requires     string   `toml:"requires-python"`
		Environments []string `toml:"environments"`
		Packages     []entry  `toml:"packages"`
		Tool         struct {
			Modelrun struct {
				Python   string `toml:"python"`
				Platform string `toml:"platform"`
			} `toml:"modelrun"`
		} `toml:"tool"`
	}
	f := File{Text: text}
	if err := errors.Join(toml.Unmarshal(text, &in), toml.Unmarshal(text, &f.doc)); err != nil {
		var at *toml.DecodeError
		if errors.As(err, &at) {
			row, column := at.Position()
			return File{}, fmt.Errorf("line %d, column %d: %s", row, column, strings.TrimPrefix(at.Error(), "toml: "))
		}
		return File{}, err
	}
	if in.Version != "1" && !strings.HasPrefix(in.Version, "1.") {
		return File{}, fmt.Errorf("lock-version is %q, not 1.0", in.Version)
	}
	f.createdBy = in.CreatedBy
	f.requires, f.environments = in.Requires, in.Environments
	f.Python, f.Platform = in.Tool.Modelrun.Python, in.Tool.Modelrun.Platform
	for i, e := range in.Packages {
		if e.Name == "" {
			return File{}, fmt.Errorf("package %d has no name", i+1)
		}
		f.Packages = append(f.Packages, e.read())
	}
	return f, nil
}

// read returns what modelrun needs to know about a package.
func (e entry) read() Package {
	p := Package{Name: e.Name, Version: e.Version, marker: e.Marker, Folder: e.Directory != nil}
	files := e.Wheels
	if e.Archive != nil {
		files = append(files, *e.Archive)
	}
	if e.VCS != nil {
		p.commit = e.VCS.Commit
	}
	p.Direct = e.Archive != nil || e.VCS != nil || e.Directory != nil
	p.Source = len(e.Wheels) == 0 && (e.Archive == nil || !strings.HasSuffix(e.Archive.name(), ".whl"))
	if len(files) == 0 && e.Sdist != nil {
		files = append(files, *e.Sdist)
	}
	if !slices.ContainsFunc(files, func(a artifact) bool { return a.local() == "" }) {
		for _, a := range files {
			p.local = append(p.local, a.local())
		}
	}
	for _, a := range files { // uv uses one of several wheels: count the largest
		if a.Size < MaxWheel { // treat an absurd size as unknown, so that a sum cannot overflow
			p.Size = max(p.Size, a.Size)
		}
		if len(a.Hashes) == 0 {
			p.unlocked = a.name()
		}
		for kind, sum := range a.Hashes {
			p.Hashes = append(p.Hashes, kind+":"+sum)
		}
		if strings.HasSuffix(a.name(), ".whl") {
			p.wheels = append(p.wheels, a.name())
		}
	}
	slices.Sort(p.Hashes)
	return p
}

// Version returns the version of a package, or "".
func (f File) Version(name string) string {
	for _, p := range f.Packages {
		if requirement.Normal(p.Name) == requirement.Normal(name) {
			return p.Version
		}
	}
	return ""
}

// Gone returns a file that a package needs and that is no longer on this disk, or "". missing reports whether a
// file is missing.
func (f File) Gone(missing func(path string) bool) string {
	for _, p := range f.Packages {
		if len(p.local) > 0 && !slices.ContainsFunc(p.local, func(path string) bool { return !missing(path) }) {
			return p.local[0]
		}
	}
	return ""
}

// Has reports whether a package is in the lock.
func (f File) Has(name string) bool {
	return slices.ContainsFunc(f.Packages, func(p Package) bool { return requirement.Normal(p.Name) == requirement.Normal(name) })
}

// Sum returns 64 hex digits over names, versions and hashes. The order of the packages and the addresses of
// their files do not count.
func (f File) Sum() string {
	var lines []string
	for _, p := range f.Packages {
		lines = append(lines, strings.Join(append([]string{requirement.Normal(p.Name), p.Version, p.marker, p.commit}, p.Hashes...), " "))
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:])
}
