package profile

import (
	"embed"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fsys"
)

//go:embed embedded/*.json
var embedded embed.FS

// InRoot reads the profiles of a root, sorted by file name. A root without
// profiles/ has none. It follows links and skips everything that is not a
// regular file.
//
// A file that is not a profile is an error only if the user named it: bad
// contains these errors by file name without .json, for [Want].Bad.
func InRoot(r envdir.Root) (all []Profile, bad map[string]error) {
	bad = map[string]error{}
	entries, err := os.ReadDir(r.Profiles())
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			bad[""] = badFile(r.Profiles(), err)
		}
		return nil, bad
	}
	for _, e := range entries { // ReadDir sorts
		name, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok || e.IsDir() {
			continue
		}
		p, err := Load(filepath.Join(r.Profiles(), e.Name()))
		if err != nil {
			bad[name] = err
			continue
		}
		all = append(all, p)
	}
	return all, bad
}

// Load reads a profile's file, of at most 1 MiB.
func Load(path string) (Profile, error) {
	data, err := fsys.ReadFile(path, maxSize)
	switch {
	case errors.Is(err, fsys.ErrTooLarge):
		return Profile{}, badProfile(path, tooLarge)
	case errors.Is(err, fsys.ErrNotRegular):
		return Profile{}, badProfile(path, "not a regular file")
	case err != nil:
		return Profile{}, badFile(path, err)
	}
	return Parse(path, data)
}

// badFile removes the path that an fs.PathError repeats.
func badFile(path string, err error) error { return badProfile(path, "%w", fsys.Cause(err)) }

// Embedded returns the built-in profiles, sorted by file name. It decodes them
// at each call: creation needs them once, the launch path never.
func Embedded() []Profile {
	names, err := fs.Glob(embedded, "embedded/*.json")
	if err != nil {
		panic(err) // only if the pattern is malformed
	}
	sort.Strings(names)
	all := make([]Profile, 0, len(names))
	for _, n := range names {
		data, err := embedded.ReadFile(n)
		if err == nil {
			var p Profile
			if p, err = Parse(n, data); err == nil {
				p.Path = ""
				all = append(all, p)
			}
		}
		if err != nil {
			panic(err) // built-in data; a test parses all of it
		}
	}
	return all
}

// VersionsDate returns the date of the newest versions in the built-in profiles:
// "2026-11-30".
func VersionsDate() string {
	newest := ""
	for _, p := range Embedded() {
		newest = max(newest, p.Verified.Date)
		for _, o := range p.Families {
			newest = max(newest, o.Verified.Date)
		}
	}
	return newest
}
