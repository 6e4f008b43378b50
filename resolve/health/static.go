package health

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// static makes the check of level L1: everything that files alone can show. A zero
// verdict means that no fault was found. The seal is nil if the env has none of its
// own.
func static(s Subject, st *site) (*Seal, Verdict, error) {
	v, err := checkBase(s.Dir, st)
	if err != nil || v.Code != "" {
		return nil, v, err
	}
	read, ok, err := ReadSeal(s.Dir)
	if err != nil {
		return nil, Verdict{}, err
	}
	var seal *Seal
	if ok {
		seal = &read
		if v := checkSeal(s.Dir, st, seal); v.Code != "" {
			return nil, v, nil
		}
	}
	v, err = checkPackages(s, st)
	if err == nil && v.Code == "" {
		v, err = checkTorchBuild(s, st)
	}
	if v.Code != "" {
		v.setSeal(seal)
	}
	return seal, v, err
}

// checkBase compares bin/python with the base interpreter in pyvenv.cfg.
func checkBase(d envdir.Dir, st *site) (Verdict, error) {
	home := st.cfg.home
	if statAny(home, baseNames(st.cfg.minor)) == nil {
		return broken(CodeMovedBase, "base interpreter moved: pyvenv.cfg says home = %s, but there is no python", home), nil
	}
	real, err := filepath.EvalSymlinks(d.Python())
	if err != nil {
		return Verdict{}, unreadable(d.Python(), err)
	}
	name := strings.TrimSuffix(filepath.Base(real), ".exe")
	if m := minorOf(strings.TrimPrefix(name, "python")); m != "" && m != st.cfg.minor {
		return broken(CodeMovedBase, "base interpreter moved: pyvenv.cfg says Python %s, but python leads to %s", st.cfg.minor, real), nil
	}
	f, err := os.Open(real)
	if err != nil {
		return Verdict{}, nil //nolint:nilerr // it can be executable but not readable: the probe decides
	}
	defer f.Close()
	kind, archs := program(f)
	switch {
	case kind == script:
		return broken(CodeNoPython, "python is a script, not an interpreter: %s", real), nil
	case kind == "":
		return broken(CodeNoPython, "python is not a program: %s", real), nil
	}
	if why := runsHere(kind, archs, runtime.GOOS, runtime.GOARCH); why != "" {
		return broken(CodeWrongArch, "%s", why), nil
	}
	return Verdict{}, nil
}

// checkSeal compares the env with its seal. A package that the user changed is not
// damage: then the names in site-packages differ too, and the probe decides.
func checkSeal(d envdir.Dir, st *site, seal *Seal) Verdict {
	if seal.Key != d.Name {
		return broken(CodeMismatch, "READY.json is for %s, not %s: the folder was renamed or copied", seal.Key, d.Name)
	}
	same := seal.Digest == digest(st.names)
	for _, rel := range sortedKeys(seal.Files) {
		want := seal.Files[rel]
		info, err := os.Stat(filepath.Join(st.packages, filepath.FromSlash(rel)))
		switch {
		case err != nil && same:
			return broken(CodeTorn, "%s is missing: %s", rel, st.packages)
		case err == nil && (same && info.Size() != want || info.Size() == 0 && want > 0):
			return broken(CodeTorn, "%s has %d bytes, not %d: %s", rel, info.Size(), want, st.packages)
		}
	}
	return Verdict{}
}

// checkPackages checks that each import has a finished dist-info. Installers
// write INSTALLER after the package's files (uv: measured with strace). Without
// it, the install was killed, although pip and uv consider such a package
// complete.
func checkPackages(s Subject, st *site) (Verdict, error) {
	dists := distsOf(st.names)
	for _, i := range s.Imports {
		if i.Dist == "" {
			continue
		}
		d, ok := dists[requirement.Normal(i.Dist)]
		if !ok {
			if st.cfg.system {
				continue // it may be in the base interpreter: the probe decides
			}
			return broken(CodeMissing, "package %s is not installed: %s", i.Dist, st.packages), nil
		}
		if d.egg {
			continue // older than wheels: never has an INSTALLER
		}
		_, err := os.Stat(filepath.Join(st.packages, d.folder, "INSTALLER"))
		if fsys.IsMissing(err) {
			return broken(CodeTorn, "package %s has no INSTALLER: the install was interrupted", i.Dist), nil
		}
		if err != nil {
			return Verdict{}, unreadable(filepath.Join(st.packages, d.folder), err)
		}
	}
	return Verdict{}, nil
}
