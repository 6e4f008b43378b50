// Package source reads a package on this disk that a requirement names: a folder
// with a build file, a wheel or an archive. It builds nothing.
package source

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// Source describes a source when an env is made from it.
type Source struct {
	Path  string `json:"path"`  // absolute
	Name  string `json:"name"`  // of the package, normalised
	Stamp string `json:"stamp"` // from Stamp
	Sum   string `json:"sum"`   // SHA-256 over names and content of its files, in hexadecimal
}

// buildFiles tell how a folder is built.
var buildFiles = []string{"pyproject.toml", "setup.cfg", "setup.py"}

// maxBuildFile is far above the size of any build file: a start reads them.
const maxBuildFile = 4 << 20

// Read describes the source at a path. It reads all of its files. For name see [Name].
func Read(path, name string) (s Source, err error) {
	s.Path = path
	if s.Name, err = Name(path, name); err != nil {
		return s, err
	}
	s.Stamp = Stamp(path)
	if s.Sum, err = sum(path); err != nil {
		return s, fault.New(fault.NoSolution, "%s cannot be read: %w", path, err).Fix("see who may read it: %s", fault.Shell("ls -ld ", "icacls ", path))
	}
	return s, nil
}

// Stamp returns the size and time of the files that tell how a source is built. It
// reads none of them. It is "" for a source that does not exist.
func Stamp(path string) string {
	var parts []string
	for _, file := range append([]string{path}, join(path, buildFiles)...) {
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			parts = append(parts, fmt.Sprintf("%s %d %s", filepath.Base(file), info.Size(), info.ModTime().UTC().Format(time.RFC3339Nano)))
		}
	}
	return strings.Join(parts, ", ")
}

func join(dir string, names []string) (paths []string) {
	for _, name := range names {
		paths = append(paths, filepath.Join(dir, name))
	}
	return paths
}

// Name returns the normalised name of the package at a path. given is the name that
// the user wrote, or "". Every error is a NoSolution: the path does not exist, is no
// package, has another name, or does not state its name.
func Name(path, given string) (string, error) {
	name, err := nameAt(path)
	switch {
	case err != nil:
		return "", err
	case name == "" && given == "":
		return "", fault.New(fault.NoSolution, "%s does not state its name in one of %s", path, strings.Join(buildFiles, ", ")).
			Fix("write the name before the path: %s", fault.Quote("NAME @ "+path))
	case name != "" && given != "" && name != given:
		return "", fault.New(fault.NoSolution, "%s is the package %s, not %s", path, name, given).
			Fix("name it as it is: --with %s", fault.Quote(path))
	}
	return cmp.Or(name, given), nil
}

// nameAt returns the name that a source states, or "".
func nameAt(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", fault.New(fault.NoSolution, "%s cannot be read: %w", path, fsys.Cause(err)).Fix("correct the path; a relative one begins with ./")
	case info.Mode().IsRegular():
		return fileName(path)
	case Stamp(path) == "":
		return "", fault.New(fault.NoSolution, "%s is no package: it has no %s", path, strings.Join(buildFiles, ", ")).
			Fix("name the folder that holds one of these files")
	}
	return requirement.Normal(statedName(path)), nil
}

// fileName returns the name in the file name of a wheel or an archive.
func fileName(path string) (string, error) {
	file := filepath.Base(path)
	stem, wheel := strings.CutSuffix(file, ".whl")
	if wheel {
		if name, _, ok := strings.Cut(stem, "-"); ok {
			return requirement.Normal(name), nil
		}
	}
	for _, end := range []string{".tar.gz", ".zip"} {
		if stem, ok := strings.CutSuffix(file, end); ok && strings.LastIndexByte(stem, '-') > 0 {
			return requirement.Normal(stem[:strings.LastIndexByte(stem, '-')]), nil
		}
	}
	return "", fault.New(fault.NoSolution, "%s is no package: its name is not that of a wheel or a source archive", path).
		Fix("name a folder, a NAME-VERSION-….whl or a NAME-VERSION.tar.gz")
}

var (
	nameInCfg   = regexpOnce(`(?m)^\[metadata\][^\[]*?^name\s*=\s*([A-Za-z0-9._-]+)\s*$`)
	nameInSetup = regexpOnce(`\bname\s*=\s*["']([A-Za-z0-9._-]+)["']`)
)

// regexpOnce compiles a pattern at its first use: a start needs none.
func regexpOnce(pattern string) func(data []byte) string {
	return func(data []byte) string {
		if m := regexp.MustCompile(pattern).FindSubmatch(data); m != nil {
			return string(m[1])
		}
		return ""
	}
}

// statedName returns the name in the build files of a folder, or "".
func statedName(dir string) string {
	read := func(name string) []byte {
		data, _ := fsys.ReadFile(filepath.Join(dir, name), maxBuildFile) // a missing file states no name, nor does a pipe
		return data
	}
	var project struct {
		Project struct {
			Name string `toml:"name"`
		} `toml:"project"`
		Tool struct {
			Poetry struct {
				Name string `toml:"name"`
			} `toml:"poetry"`
		} `toml:"tool"`
	}
	if toml.Unmarshal(read("pyproject.toml"), &project) == nil {
		if name := project.Project.Name; name != "" {
			return name
		}
		if name := project.Tool.Poetry.Name; name != "" {
			return name
		}
	}
	if name := nameInCfg(read("setup.cfg")); name != "" {
		return name
	}
	return nameInSetup(read("setup.py"))
}

// sum hashes the files of a source. It leaves out hidden folders and what a build
// leaves behind.
func sum(path string) (string, error) {
	h := sha256.New()
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
		f, err := os.Open(path)
		if err != nil {
			return "", err
		}
		return hexSum(h, add(h, f, path))
	}
	dir := os.DirFS(path)
	err := fs.WalkDir(dir, ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && name != "." && leftBehind(e.Name()):
			return fs.SkipDir
		case e.Type().IsRegular():
			f, err := dir.Open(name)
			if err != nil {
				return err
			}
			return add(h, f, name)
		}
		return nil
	})
	return hexSum(h, err)
}

// add adds the content of a file to a hash, and its name. It closes the file.
func add(h hash.Hash, f fs.File, name string) error {
	defer func() { _ = f.Close() }() // it was only read
	one := sha256.New()
	if _, err := io.Copy(one, f); err != nil {
		return err
	}
	_, err := fmt.Fprintf(h, "%s\n%x\n", name, one.Sum(nil))
	return err
}

func hexSum(h hash.Hash, err error) (string, error) { return hex.EncodeToString(h.Sum(nil)), err }

// leftBehind reports whether a folder is no part of a source: a repository, a venv,
// caches, or the output of a build.
func leftBehind(name string) bool {
	switch name {
	case "__pycache__", "build", "dist", "venv", "node_modules":
		return true
	}
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".egg-info")
}
