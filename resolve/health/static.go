package health

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/modelrun/modelrun/resolve/envdir"
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
		d, ok := dists[normal(i.Dist)]
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
		if gone(err) {
			return broken(CodeTorn, "package %s has no INSTALLER: the install was interrupted", i.Dist), nil
		}
		if err != nil {
			return Verdict{}, unreadable(filepath.Join(st.packages, d.folder), err)
		}
	}
	return Verdict{}, nil
}

// dist is an installed distribution as its folder's name tells it.
type dist struct {
	folder, name, version string
	egg                   bool
}

// distsOf finds the distributions among the names in site-packages, by
// normalised name. "~orch-2.5.1.dist-info" is what pip on Windows leaves of a
// package it could not delete.
func distsOf(names []string) map[string]dist {
	out := make(map[string]dist)
	for _, folder := range names {
		stem, ok := strings.CutSuffix(folder, ".dist-info")
		egg := false
		if !ok {
			stem, egg = strings.CutSuffix(folder, ".egg-info")
		}
		if !ok && !egg || strings.HasPrefix(folder, "~") {
			continue
		}
		name, version, _ := strings.Cut(stem, "-")
		if old, ok := out[normal(name)]; ok && egg && !old.egg {
			continue
		}
		if egg {
			version, _, _ = strings.Cut(version, "-py")
		}
		out[normal(name)] = dist{folder: folder, name: name, version: version, egg: egg}
	}
	return out
}

// normal is a distribution's name as PEP 503 compares it, with "_".
func normal(name string) string {
	fields := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '-' || r == '_' || r == '.' })
	return strings.Join(fields, "_")
}

// torchBuild reads torch/version.py: the dist-info of PyPI's torch does not
// say which CUDA it is built for.
func torchBuild(s Subject, st *site) (Verdict, error) {
	if !needs(s, "torch") {
		return Verdict{}, nil
	}
	t, err := readTorchVersion(st)
	if gone(err) {
		if st.cfg.system {
			return Verdict{}, nil
		}
		return broken(CodeTorn, "torch/version.py is missing: %s", st.packages), nil
	}
	if err != nil {
		return Verdict{}, unreadable(filepath.Join(st.packages, "torch"), err)
	}
	if t.bytes == 0 {
		return broken(CodeTorn, "torch/version.py is empty: %s", st.packages), nil
	}
	return cpuBuild(s, t), nil
}

func readTorchVersion(st *site) (torchVersion, error) {
	data, err := readLimited(filepath.Join(st.packages, "torch", "version.py"), 64<<10)
	t := parseTorchVersion(data)
	t.bytes = len(data)
	return t, err
}

// cpuBuild holds torch's build against the key. An env without CUDA is no
// fault where nobody wants a GPU.
func cpuBuild(s Subject, t torchVersion) Verdict {
	switch {
	case !s.CUDA || t.version == "":
	case strings.HasPrefix(s.Accel, "cu") && t.cuda == "":
		return broken(CodeCPUBuild, "torch %s has no CUDA, the key says %s", t.version, s.Accel)
	case strings.HasPrefix(s.Accel, "rocm") && t.hip == "":
		return broken(CodeCPUBuild, "torch %s has no ROCm, the key says %s", t.version, s.Accel)
	}
	return Verdict{}
}

func needs(s Subject, module string) bool {
	for _, i := range s.Imports {
		if topLevel(i.Module) == module {
			return true
		}
	}
	return false
}

// torchVersion is what torch/version.py says; "" is None.
type torchVersion struct {
	version, cuda, hip string
	bytes              int // of the file
}

// parseTorchVersion reads assignments of one literal each, with or without an
// annotation: __version__ = '2.5.1+cu121', cuda: Optional[str] = '12.1'.
func parseTorchVersion(data []byte) torchVersion {
	var t torchVersion
	for line := range strings.Lines(string(data)) {
		left, right, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		name, _, _ := strings.Cut(left, ":")
		value := strings.TrimSpace(right)
		if len(value) < 2 || value[0] != '\'' && value[0] != '"' || value[len(value)-1] != value[0] {
			continue
		}
		value = value[1 : len(value)-1]
		switch strings.TrimSpace(name) {
		case "__version__":
			t.version = value
		case "cuda":
			t.cuda = value
		case "hip":
			t.hip = value
		}
	}
	return t
}
