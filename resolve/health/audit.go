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

// Audit makes the check of level L2: every file named in a package's RECORD exists
// with the recorded size, and the install of every package was finished. It reads
// no content, so it misses damage that keeps the size. It takes about 50 ms for
// 20,000 files.
//
// It does not follow rows that lead out of the env. Byte code may be missing,
// because Python writes it again on import. The error is a *fault.Error with code
// Verify that names package and file, or an error of the disk.
func Audit(d envdir.Dir) error { return audit(d, nil) }

// Mismatch is a file whose content does not match the hash in RECORD.
type Mismatch struct {
	Path string // relative to the venv
	Sum  string // the hash of its content
	Err  error  // describes the mismatch
}

// Contents does the same as Audit, and also reads every file. It returns every
// mismatch, even together with an error of Audit. It takes about 1 s for a gigabyte
// that was just written. ctx stops it between two files; the error is then the
// cause of ctx.
func Contents(ctx context.Context, d envdir.Dir) (mismatches []Mismatch, err error) {
	err = audit(d, func(f *recordedFile, path string) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		got, err := sumOf(path)
		if err != nil || slices.Contains(f.sums, got) {
			return err
		}
		rel, err := filepath.Rel(d.Venv(), path)
		mismatches = append(mismatches, Mismatch{rel, got, damaged(d, "package %s has a damaged file: the content of %s is not the one that its RECORD tells", f.owner, path)})
		return err
	})
	return mismatches, err
}

// audit compares every file with its RECORD. look, unless nil, is called for
// each file whose size is right and whose hash is known.
func audit(d envdir.Dir, look func(f *recordedFile, path string) error) error {
	st, v, err := readSite(d)
	if err != nil {
		return err
	}
	if v.Code != "" {
		return damaged(d, "%s", v.Reason)
	}
	files, err := readRecords(d, st)
	if err != nil {
		return err
	}
	return compare(d, files, look)
}

// Owners maps each file named in a RECORD to its package. It omits packages that
// cannot be read.
func Owners(d envdir.Dir) map[string]string {
	owners := map[string]string{}
	st, v, err := readSite(d)
	if err != nil || v.Code != "" {
		return owners
	}
	files, _ := readRecords(d, st) // omitted, see above
	for path, f := range files {
		owners[path] = f.owner
	}
	return owners
}

// readRecords returns the files of all packages by path.
func readRecords(d envdir.Dir, st *site) (map[string]*recordedFile, error) {
	dists := distsOf(st.names)
	files := make(map[string]*recordedFile)
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

// recordedFile is a file with the entries about it in the RECORDs of all its
// packages.
type recordedFile struct {
	owner string
	sizes []int64
	any   bool     // a RECORD has no size for it
	sums  []string // SHA-256 in base64; "" if a RECORD has none
}

func readRecord(d envdir.Dir, packages string, p dist, files map[string]*recordedFile) error {
	name := strings.ReplaceAll(p.name, "_", "-")
	folder := filepath.Join(packages, p.folder)
	if _, err := os.Stat(filepath.Join(folder, "INSTALLER")); fsys.IsMissing(err) {
		return damaged(d, "package %s has no INSTALLER: the install was interrupted", name)
	} else if err != nil {
		return unreadable(folder, err)
	}
	data, err := readLimited(filepath.Join(folder, "RECORD"), maxRecord)
	if fsys.IsMissing(err) {
		return damaged(d, "package %s has no RECORD: %s", name, folder)
	}
	if err != nil {
		return unreadable(folder, err)
	}
	rows, err := parseRecord(data)
	if err != nil {
		return damaged(d, "package %s has a RECORD that cannot be read: %s", name, err)
	}
	if len(rows) == 0 {
		return damaged(d, "package %s has an empty RECORD: %s", name, folder)
	}
	if !slices.ContainsFunc(rows, func(r row) bool { return r.path == filepath.Join(p.folder, "METADATA") }) {
		// The RECORD in a damaged cache was empty, and the installer added its
		// own rows.
		return damaged(d, "package %s has a RECORD without its METADATA: %s", name, folder)
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
			f = &recordedFile{owner: name}
			files[path] = f
		}
		f.any = f.any || row.size < 0
		f.sizes, f.sums = append(f.sizes, row.size), append(f.sums, row.sum)
	}
	return nil
}

// row is one line of a RECORD. size is -1 and sum is "" if the line has none. Only
// sha256 counts as a sum.
type row struct {
	path string
	size int64
	sum  string
}

// parseRecord reads lines of path,hash,size. Paths contain "/" on every system.
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

// compare checks that each file has one of its recorded sizes: two wheels may
// ship the same path with different content, and the later one wins. Without
// look it stops at the first error. With look it stops only at an error of the
// disk; otherwise it visits all files and returns the first error.
func compare(d envdir.Dir, files map[string]*recordedFile, look func(f *recordedFile, path string) error) error {
	paths := make([]string, 0, len(files))
	for path := range files {
		paths = append(paths, path)
	}
	slices.Sort(paths) // for neighbours on the disk, and the same first finding each time
	var first error
	for _, path := range paths {
		f := files[path]
		err := f.checkSize(d, path)
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

// checkSize reports a file that is missing or has another size.
func (f *recordedFile) checkSize(d envdir.Dir, path string) error {
	info, err := os.Stat(path)
	switch {
	case fsys.IsMissing(err):
		return damaged(d, "package %s lacks a file: %s", f.owner, path)
	case err != nil:
		return unreadable(path, err)
	case !f.any && !slices.Contains(f.sizes, info.Size()):
		return damaged(d, "package %s has a damaged file: %s has %d bytes, not %d", f.owner, path, info.Size(), f.sizes[0])
	}
	return nil
}

// sumOf returns a file's SHA-256 as a RECORD writes it.
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

// damaged returns a Verify error with the command that rebuilds the env.
func damaged(d envdir.Dir, format string, args ...any) error {
	err := fault.New(fault.Verify, format, args...)
	if d.Kind == envdir.Old {
		return err.Fix("move its model over to a shared environment: modelrun migrate %s", d.Name)
	}
	return err.Fix("build it anew: modelrun ensure --rebuild --env %s", d.Name)
}
