package health

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// maxRecord bounds one RECORD; torch's has about 2 MiB.
const maxRecord = 64 << 20

// Audit is L2: every file that a package's RECORD names exists with its size,
// and every package's install was finished. It reads no content, so damage
// that keeps the size is not seen. About 50 ms for 20,000 files.
//
// Rows that lead out of the env are not followed. Byte code is not wanted: it
// is written anew by whoever imports it. The error is a *fault.Error with code
// Verify that names package and file, or one of the disk.
func Audit(d envdir.Dir) error { return audit(d, nil) }

// Odd is a file whose content is not the one of which RECORD keeps the hash.
type Odd struct {
	Path string // in the venv
	Sum  string // of what it holds
	Err  error  // says so
}

// Contents is Audit, and reads every file. odd are all that differ, also when
// there is an error of Audit's. About 1 s for a gigabyte that was just written;
// ctx ends it between two files, with its cause.
func Contents(ctx context.Context, d envdir.Dir) (odd []Odd, err error) {
	err = audit(d, func(f *recorded, path string) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		got, err := sumOf(path)
		if err != nil || slices.Contains(f.sums, got) {
			return err
		}
		rel, err := filepath.Rel(d.Venv(), path)
		odd = append(odd, Odd{rel, got, torn(d, "package %s has a damaged file: the content of %s is not the one that its RECORD tells", f.owner, path)})
		return err
	})
	return odd, err
}

// audit looks into the files where it is told how.
func audit(d envdir.Dir, look func(f *recorded, path string) error) error {
	st, v, err := readSite(d)
	if err != nil {
		return err
	}
	if v.Code != "" {
		return torn(d, "%s", v.Reason)
	}
	files, err := readRecords(d, st)
	if err != nil {
		return err
	}
	return compare(d, files, look)
}

// Owners says of each file that a RECORD names which package it is of. What
// cannot be read has none.
func Owners(d envdir.Dir) map[string]string {
	owners := map[string]string{}
	st, v, err := readSite(d)
	if err != nil || v.Code != "" {
		return owners
	}
	files, _ := readRecords(d, st) // as above
	for path, f := range files {
		owners[path] = f.owner
	}
	return owners
}

// readRecords are the files of all packages, by path.
func readRecords(d envdir.Dir, st *site) (map[string]*recorded, error) {
	dists := distsOf(st.names)
	files := make(map[string]*recorded)
	for _, name := range slices.Sorted(maps.Keys(dists)) {
		if dists[name].egg {
			continue
		}
		if err := readRecord(d, st.packages, dists[name], files); err != nil {
			return files, err
		}
	}
	return files, nil
}

// recorded is a file and what the packages that claim it say of its size.
type recorded struct {
	owner string
	sizes []int64
	any   bool     // one of them says no size
	sums  []string // of sha256, base64; "" says none
}

func readRecord(d envdir.Dir, packages string, p dist, files map[string]*recorded) error {
	name := strings.ReplaceAll(p.name, "_", "-")
	folder := filepath.Join(packages, p.folder)
	if _, err := os.Stat(filepath.Join(folder, "INSTALLER")); fsys.IsMissing(err) {
		return torn(d, "package %s has no INSTALLER: the install was interrupted", name)
	} else if err != nil {
		return unreadable(folder, err)
	}
	data, err := readLimited(filepath.Join(folder, "RECORD"), maxRecord)
	if fsys.IsMissing(err) {
		return torn(d, "package %s has no RECORD: %s", name, folder)
	}
	if err != nil {
		return unreadable(folder, err)
	}
	rows, err := parseRecord(data)
	if err != nil {
		return torn(d, "package %s has a RECORD that cannot be read: %s", name, err)
	}
	if len(rows) == 0 {
		return torn(d, "package %s has an empty RECORD: %s", name, folder)
	}
	if !slices.ContainsFunc(rows, func(r row) bool { return r.path == filepath.Join(p.folder, "METADATA") }) {
		// An installer adds rows of its own to what a damaged cache gave it.
		return torn(d, "package %s has a RECORD without its METADATA: %s", name, folder)
	}
	for _, row := range rows {
		path := row.path
		if !filepath.IsAbs(path) {
			path = filepath.Join(packages, path)
		}
		path = filepath.Clean(path)
		if !fsys.Within(path, d.Venv()) || strings.HasSuffix(path, ".pyc") {
			continue
		}
		f := files[path]
		if f == nil {
			f = &recorded{owner: name}
			files[path] = f
		}
		f.any = f.any || row.size < 0
		f.sizes, f.sums = append(f.sizes, row.size), append(f.sums, row.sum)
	}
	return nil
}

// row is one line of a RECORD; size is -1 where it says none, sum "" where it
// has no sha256.
type row struct {
	path string
	size int64
	sum  string
}

// parseRecord reads path,hash,size lines; paths have "/" on every system.
// https://packaging.python.org/en/latest/specifications/recording-installed-packages/
func parseRecord(data []byte) ([]row, error) {
	r := csv.NewReader(strings.NewReader(string(data)))
	r.FieldsPerRecord = -1
	r.LazyQuotes = true
	r.ReuseRecord = true
	var out []row
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if fields[0] == "" || strings.ContainsRune(fields[0], 0) {
			return nil, errors.New("line " + strconv.Itoa(len(out)+1) + " names no file")
		}
		size := int64(-1)
		if len(fields) > 2 && fields[2] != "" {
			size, err = strconv.ParseInt(fields[2], 10, 64)
			if err != nil || size < 0 {
				return nil, errors.New("line " + strconv.Itoa(len(out)+1) + " has no size: " + strconv.Quote(fields[2]))
			}
		}
		sum := ""
		if len(fields) > 1 {
			if s, ok := strings.CutPrefix(fields[1], "sha256="); ok {
				sum = strings.TrimRight(s, "=")
			}
		}
		out = append(out, row{path: filepath.FromSlash(fields[0]), size: size, sum: sum})
	}
}

// compare wants each file with one of its sizes: two wheels may ship the same
// path with different content, and the later one wins. The first that is torn is
// the error, and all others are looked into first.
func compare(d envdir.Dir, files map[string]*recorded, look func(f *recorded, path string) error) error {
	paths := make([]string, 0, len(files))
	for path := range files {
		paths = append(paths, path)
	}
	slices.Sort(paths) // neighbours on the disk, and the same first finding each time
	var first error
	for _, path := range paths {
		f := files[path]
		err := f.fits(d, path)
		if err == nil && look != nil && !slices.Contains(f.sums, "") {
			err = look(f, path)
		}
		if err != nil && (look == nil || fault.CodeOf(err) != fault.Verify) {
			return err
		}
		first = cmp.Or(first, err)
	}
	return first
}

// fits compares the size.
func (f *recorded) fits(d envdir.Dir, path string) error {
	info, err := os.Stat(path)
	switch {
	case fsys.IsMissing(err):
		return torn(d, "package %s lacks a file: %s", f.owner, path)
	case err != nil:
		return unreadable(path, err)
	case !f.any && !slices.Contains(f.sizes, info.Size()):
		return torn(d, "package %s has a damaged file: %s has %d bytes, not %d", f.owner, path, info.Size(), f.sizes[0])
	}
	return nil
}

// sumOf is a file's sha256 as a RECORD writes it.
func sumOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", unreadable(path, err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", unreadable(path, err)
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)), nil
}

func torn(d envdir.Dir, format string, args ...any) error {
	err := fault.New(fault.Verify, format, args...)
	if d.Kind == envdir.Old {
		return err.Fix("move its model over to a shared environment: modelrun migrate %s", d.Name)
	}
	return err.Fix("build it anew: modelrun ensure --rebuild --env %s", d.Name)
}
