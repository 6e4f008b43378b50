package resolve

import (
	"fmt"
	"slices"

	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/requirement"
	"github.com/modelrun/modelrun/resolve/source"
)

// A need may be a package on this disk: a folder, a wheel or an archive. Its path is part of the key, its
// content is not. A start looks at the time and size of its build files, and keeps the env. `ensure` reads the
// content, and replaces the env if it has changed.

// readSources describes the packages of this disk that a request needs, as they are now.
func readSources(with []requirement.Requirement) (list []source.Source, err error) {
	for _, r := range with {
		if r.Path() == "" {
			continue
		}
		s, err := source.Read(r.Path(), r.Name)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

// changedSource returns the path of the first package of this disk whose content has changed since an env was
// sealed, or "". A package that is gone has not changed.
func changedSource(seal health.Seal) string {
	for _, was := range seal.Sources {
		if now, err := source.Read(was.Path, was.Name); err == nil && now.Sum != was.Sum {
			return was.Path
		}
	}
	return ""
}

// checkSources skips an env for ensure if a package of this disk has changed. A start keeps the env, and says
// what it can see.
func (s shared) checkSources(req *Request, seal health.Seal) error {
	if req.Policy.Sources {
		if path := changedSource(seal); path != "" {
			return skip("%s has changed since %s was built; it is built again", path, req.Key)
		}
		return nil
	}
	changed := slices.IndexFunc(seal.Sources, func(was source.Source) bool {
		now := source.Stamp(was.Path)
		return now != "" && now != was.Stamp
	})
	if changed >= 0 {
		s.Log.Info(fmt.Sprintf("%s has changed since %s was built; keeping it. To build it again, run: modelrun ensure%s%s",
			seal.Sources[changed].Path, req.Key, req.RootOption, req.Wanted()))
	}
	return nil
}
