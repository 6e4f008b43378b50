// Package uvtest provides tests with a real uv and with small real wheels.
package uvtest

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"testing"

	"github.com/modelrun/modelrun/execx/execxtest"
)

// version is the version of uv that the tests run.
const version = "0.13.9"

// Path returns a real uv: $TEST_UV, or one that pip installs once into the
// folder in which the tests keep their tools.
func Path(t testing.TB) string {
	t.Helper()
	if p := os.Getenv("TEST_UV"); p != "" {
		return p
	}
	file := "uv"
	if runtime.GOOS == "windows" {
		file += ".exe"
	}
	dir, err := execxtest.Package("uv==" + version)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "bin", file)
}

// Wheel is a small wheel.
type Wheel struct {
	Name, Version string
	Requires      []string          // the distributions that it requires
	Files         map[string]string // by path in site-packages
	Scripts       map[string]string // console scripts: name to module:function
	WrongHash     string            // a file for which RECORD has a wrong hash; may be ""
	BuildImports  string            // a module that the build backend of a source imports; may be ""
}

// Index is a folder of wheels that is also a PEP 503 index.
type Index struct {
	t   testing.TB
	dir string
}

// NewIndex creates an index below dir.
func NewIndex(t testing.TB, dir string) *Index {
	t.Helper()
	ix := &Index{t, dir}
	for _, d := range []string{ix.Dir(), filepath.Join(dir, "simple")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return ix
}

// Dir returns the folder of the wheels, for --find-links.
func (ix *Index) Dir() string { return filepath.Join(ix.dir, "wheels") }

// URL returns the address of the index.
func (ix *Index) URL() string { return "file://" + filepath.ToSlash(filepath.Join(ix.dir, "simple")) }

// Add writes a wheel and adds it to the index.
func (ix *Index) Add(w Wheel) {
	ix.t.Helper()
	name := strings.ReplaceAll(w.Name, "-", "_")
	file := fmt.Sprintf("%s-%s-py3-none-any.whl", name, w.Version)
	if err := writeWheel(filepath.Join(ix.Dir(), file), name, w); err != nil {
		ix.t.Fatal(err)
	}
	ix.link(w.Name, file)
}

// AddSource adds a package that has only a source distribution. The source
// contains the finished wheel and a build backend that returns it. Like a
// backend that is killed, it leaves a temporary folder behind.
func (ix *Index) AddSource(w Wheel) {
	ix.t.Helper()
	name := strings.ReplaceAll(w.Name, "-", "_")
	folder := name + "-" + w.Version
	wheel := folder + "-py3-none-any.whl"
	path := filepath.Join(ix.t.TempDir(), wheel)
	if err := writeWheel(path, name, w); err != nil {
		ix.t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		ix.t.Fatal(err)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	t := tar.NewWriter(z)
	for file, text := range map[string]string{
		"PKG-INFO":       metadata(w),
		"pyproject.toml": fmt.Sprintf("[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n[project]\nname = %q\nversion = %q\n", w.Name, w.Version),
		"backend.py":     backendImports(w) + fmt.Sprintf("import shutil, tempfile\ndef build_wheel(to, *_):\n    tempfile.mkdtemp()\n    shutil.copy(%[1]q, to)\n    return %[1]q\n", wheel),
		wheel:            string(content),
	} {
		if err := errors.Join(t.WriteHeader(&tar.Header{Name: folder + "/" + file, Mode: 0o644, Size: int64(len(text))}), second(io.WriteString(t, text))); err != nil {
			ix.t.Fatal(err)
		}
	}
	if err := errors.Join(t.Close(), z.Close(), os.WriteFile(filepath.Join(ix.Dir(), folder+".tar.gz"), packed.Bytes(), 0o644)); err != nil {
		ix.t.Fatal(err)
	}
	ix.link(w.Name, folder+".tar.gz")
}

func backendImports(w Wheel) string {
	if w.BuildImports == "" {
		return ""
	}
	return "import " + w.BuildImports + "\n"
}

func second(_ int, err error) error { return err }

// link adds a file of Dir to the package's page.
func (ix *Index) link(name, file string) {
	ix.t.Helper()
	page := filepath.Join(ix.dir, "simple", strings.ToLower(strings.ReplaceAll(name, "_", "-")))
	if err := os.MkdirAll(page, 0o755); err != nil {
		ix.t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(page, "index.html"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		ix.t.Fatal(err)
	}
	defer f.Close()
	if _, err := fmt.Fprintf(f, "<a href=\"../../wheels/%s\">%s</a><br>\n", url.PathEscape(file), file); err != nil {
		ix.t.Fatal(err)
	}
}

func writeWheel(path, name string, w Wheel) error {
	info := fmt.Sprintf("%s-%s.dist-info/", name, w.Version)
	files := map[string]string{
		info + "WHEEL":    "Wheel-Version: 1.0\nGenerator: modelrun-test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
		info + "METADATA": metadata(w),
	}
	if len(w.Scripts) > 0 {
		text := "[console_scripts]\n"
		for script, target := range w.Scripts {
			text += script + " = " + target + "\n"
		}
		files[info+"entry_points.txt"] = text
	}
	for p, content := range w.Files {
		files[p] = content
	}
	var names []string
	for p := range files {
		names = append(names, p)
	}
	sort.Strings(names)
	record := ""
	for _, p := range names {
		sum := sha256.Sum256([]byte(files[p]))
		if p == w.WrongHash {
			sum[0]++
		}
		record += fmt.Sprintf("%s,sha256=%s,%d\n", p, base64.RawURLEncoding.EncodeToString(sum[:]), len(files[p]))
	}
	files[info+"RECORD"] = record + info + "RECORD,,\n"

	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	z := zip.NewWriter(f)
	for _, p := range append(names, info+"RECORD") {
		part, err := z.Create(p)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(part, files[p]); err != nil {
			return err
		}
	}
	return z.Close()
}

func metadata(w Wheel) string {
	text := fmt.Sprintf("Metadata-Version: 2.1\nName: %s\nVersion: %s\n", w.Name, w.Version)
	for _, r := range w.Requires {
		text += "Requires-Dist: " + r + "\n"
	}
	return text
}
