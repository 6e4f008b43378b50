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

// static is L1: everything that files alone tell. A zero verdict means that
// nothing speaks against the env; the seal is nil where there is none of ours.
func (c *Checker) static(s Subject, st *site) (*Seal, Verdict, error) {
	v, err := interpreter(s.Dir, st)
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
		if v := sealed(s.Dir, st, seal); v.Code != "" {
			return nil, v, nil
		}
	}
	v, err = packages(s, st)
	if err == nil && v.Code == "" {
		v, err = torchBuild(s, st)
	}
	if v.Code != "" {
		v.seal(seal)
	}
	return seal, v, err
}

// interpreter compares bin/python with what pyvenv.cfg says of its base.
func interpreter(d envdir.Dir, st *site) (Verdict, error) {
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
		return Verdict{}, nil //nolint:nilerr // it may be executed and not read: the probe tells
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

// sealed compares the env with what its seal says. A package that the user
// changed is no damage: then the names in site-packages differ too, and the
// probe decides.
func sealed(d envdir.Dir, st *site, seal *Seal) Verdict {
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

// packages wants a finished dist-info for each need. Installers write INSTALLER
// after the package's files (uv: measured with strace), so one without it is an
// install that was killed, which pip and uv both take for whole.
func packages(s Subject, st *site) (Verdict, error) {
	dists := distsOf(st.names)
	for _, i := range s.Imports {
		if i.Dist == "" {
			continue
		}
		d, ok := dists[requirement.Normal(i.Dist)]
		if !ok {
			if st.cfg.system {
				continue // it may lie in the base interpreter: the probe tells
			}
			return broken(CodeMissing, "package %s is not installed: %s", i.Dist, st.packages), nil
		}
		if d.egg {
			continue // from before wheels: no INSTALLER in any case
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
