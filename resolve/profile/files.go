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

// InRoot reads the profiles of a root, sorted by file name. A file that is no
// profile is an error only when it is the one that was asked for by name: bad
// holds those by the file's name without .json, for [Want].Bad. A root without
// profiles/ has none. Links are followed, what is no regular file is passed over.
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

// Load reads one profile's file of at most 1 MiB.
func Load(path string) (Profile, error) {
	data, err := fsys.ReadFile(path, maxSize)
	switch {
	case errors.Is(err, fsys.ErrTooLarge):
		return Profile{}, bad(path, tooLarge)
	case errors.Is(err, fsys.ErrNotRegular):
		return Profile{}, bad(path, "not a regular file")
	case err != nil:
		return Profile{}, badFile(path, err)
	}
	return Parse(path, data)
}

// badFile drops the path that the system's error repeats.
func badFile(path string, err error) error { return bad(path, "%w", fsys.Cause(err)) }

// Embedded is the profiles in the binary, sorted by file name. It decodes them
// anew at each call: creation needs them once, the launch path never.
func Embedded() []Profile {
	names, err := fs.Glob(embedded, "embedded/*.json")
	if err != nil {
		panic(err) // a pattern that is wrong in this line
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
			panic(err) // the binary's own data; a test parses all of it
		}
	}
	return all
}
