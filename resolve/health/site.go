package health

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// site is the part of an env that is cheap to read: about 16 system calls, once
// per check.
type site struct {
	python   os.FileInfo // the target of bin/python
	link     string      // the link's text, or "" if bin/python is not a link
	base     os.FileInfo // the interpreter in home; only if python is not a link
	cfg      venvCfg
	cfgRaw   []byte
	packages string // site-packages
	changed  time.Time
	names    []string // in site-packages, sorted
}

// readSite reads an env. A Broken verdict says why the env cannot be read. A zero
// verdict means that no fault has been found so far.
func readSite(d envdir.Dir) (*site, Verdict, error) {
	s := &site{}
	if v, err := s.readPython(d); err != nil || v.Code != "" {
		return nil, v, err
	}
	if v, err := s.readCfg(d); err != nil || v.Code != "" {
		return nil, v, err
	}
	if s.link == "" {
		s.base = statAny(s.cfg.home, baseNames(s.cfg.minor))
	}
	if s.cfg.minor == "" {
		s.cfg.minor = minorOnDisk(d)
	}
	s.packages = d.SitePackages(s.cfg.minor)
	if v, err := s.readPackages(); err != nil || v.Code != "" {
		return nil, v, err
	}
	return s, Verdict{}, nil
}

func (s *site) readPython(d envdir.Dir) (Verdict, error) {
	path := d.Python()
	var err error
	s.link, _ = os.Readlink(path) // fails if it is not a link; Stat reports everything else
	s.python, err = os.Stat(path)
	switch {
	case err == nil && !s.python.Mode().IsRegular():
		return broken(CodeNoPython, "python is no file: %s", path), nil
	case err == nil && !executable(s.python):
		return broken(CodeNoPython, "python is not executable: %s", path), nil
	case err == nil:
		return Verdict{}, nil
	case !fsys.IsMissing(err) && !errors.Is(err, syscall.ELOOP):
		return Verdict{}, unreadable(path, err)
	case s.link != "":
		return broken(CodeDangling, "python is a dangling link: %s -> %s", path, linkEnd(path, s.link)), nil
	}
	if _, err := os.Stat(d.Venv()); err != nil {
		if !fsys.IsMissing(err) {
			return Verdict{}, unreadable(d.Venv(), err)
		}
		v := broken(CodeAbsent, "there is no environment: %s", d.Venv())
		v.Absent = true
		return v, nil
	}
	return broken(CodeNoPython, "python is missing: %s", path), nil
}

// linkEnd follows a chain of links (python -> python3 -> the base) to the file
// that is missing. It returns link if the chain does not end.
func linkEnd(path, link string) string {
	for range 16 {
		next, err := os.Readlink(path)
		if err != nil {
			return path
		}
		if !filepath.IsAbs(next) {
			next = filepath.Join(filepath.Dir(path), next)
		}
		path = next
	}
	return link
}

func (s *site) readCfg(d envdir.Dir) (Verdict, error) {
	var err error
	s.cfgRaw, err = readLimited(d.Cfg(), maxCfg+1)
	if fsys.IsMissing(err) {
		return broken(CodeNoCfg, "pyvenv.cfg is missing: %s", d.Cfg()), nil
	}
	if err != nil {
		return Verdict{}, unreadable(d.Cfg(), err)
	}
	s.cfg, err = parseCfg(s.cfgRaw)
	if err != nil {
		return broken(CodeNoCfg, "pyvenv.cfg cannot be used: %s: %s", d.Cfg(), err), nil
	}
	return Verdict{}, nil
}

func (s *site) readPackages() (Verdict, error) {
	f, err := os.Open(s.packages)
	if fsys.IsMissing(err) {
		return broken(CodeTorn, "site-packages is missing: %s", s.packages), nil
	}
	if err != nil {
		return Verdict{}, unreadable(s.packages, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Verdict{}, unreadable(s.packages, err)
	}
	s.changed = info.ModTime()
	s.names, err = f.Readdirnames(-1)
	if err != nil {
		return Verdict{}, unreadable(s.packages, err)
	}
	// Python creates this folder itself, at the first import of a single-file
	// module.
	s.names = slices.DeleteFunc(s.names, func(name string) bool { return name == "__pycache__" })
	slices.Sort(s.names)
	return Verdict{}, nil
}

// minorOnDisk returns the Python version of an env whose pyvenv.cfg has none,
// from the name of its lib folder.
func minorOnDisk(d envdir.Dir) string {
	names, _ := filepath.Glob(d.SitePackages("*"))
	for _, name := range names {
		if m := minorOf(strings.TrimPrefix(filepath.Base(filepath.Dir(name)), "python")); m != "" {
			return m
		}
	}
	return "unknown"
}

// statAny returns the first of several names that exists in a folder.
func statAny(dir string, names []string) os.FileInfo {
	for _, name := range names {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() {
			return info
		}
	}
	return nil
}

var errNotRegular = errors.New("it is no regular file")

// readLimited reads at most limit bytes of a regular file: an env's files can
// be anything.
func readLimited(path string, limit int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, cmp.Or(err, error(&fs.PathError{Op: "read", Path: path, Err: errNotRegular})) // reading a pipe would hang every launch
	}
	buf := make([]byte, min(limit, 4096))
	n, err := io.ReadFull(f, buf)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return buf[:n], nil
	}
	if err != nil || int64(n) == limit {
		return buf[:n], err
	}
	rest, err := io.ReadAll(io.LimitReader(f, limit-int64(n)))
	return append(buf[:n], rest...), err
}

// unreadable returns a disk error with a hint. A disk error must never be taken
// for "does not exist".
func unreadable(path string, err error) error {
	var in *fs.PathError
	if errors.As(err, &in) && in.Path == path {
		err = in.Err // without the path, which the message already has
	}
	if errors.Is(err, syscall.EMFILE) {
		return fault.New(fault.BadRoot, "cannot read %s: %w", path, err).Fix("allow more open files: ulimit -n 1024")
	}
	place := path
	for up := filepath.Dir(place); up != place; up = filepath.Dir(place) {
		if _, e := os.Lstat(place); !errors.Is(e, fs.ErrPermission) {
			break
		}
		place = up // ls cannot list a folder without permission either
	}
	return fault.New(fault.BadRoot, "cannot read %s: %w", path, err).
		Fix("see who may read it: %s", fault.Shell("ls -ld ", "icacls ", place))
}

func broken(code Code, format string, args ...any) Verdict {
	return Verdict{State: Broken, Code: code, Reason: fmt.Sprintf(format, args...), Cached: true}
}
