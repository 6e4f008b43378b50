package launcher

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sort"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// Record is what is kept of a launcher: what it starts and what was written.
type Record struct {
	Spec
	Files []Written `json:"files"`
}

// Written is a file as it was written.
type Written struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"` // hex, of what it said
}

// Records is the folder of the records, a JSON file each.
type Records string

// recordFormat is the number of the format; one that is higher was written by a
// newer version.
const recordFormat = 1

// maxRecord is far above any record.
const maxRecord = 1 << 20

// ErrNone is the error for a name that has no record.
var ErrNone = errors.New("no such launcher")

func (r Records) path(name string) string { return filepath.Join(string(r), name+".json") }

// Names are those that have a record, sorted; a folder that is not there has none.
func (r Records) Names() ([]string, error) {
	entries, err := os.ReadDir(string(r))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.BadConfig, "the records of launchers cannot be read: %w", err).Fix("make %s readable", fault.Quote(string(r)))
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".json"); ok && badName(name) == "" {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names, nil
}

// Read is a launcher's record. ErrNone when there is none; a damaged one is a
// *fault.Error.
func (r Records) Read(name string) (*Record, error) {
	rec := &Record{}
	if badName(name) != "" {
		return rec, ErrNone
	}
	data, err := fsys.ReadFile(r.path(name), maxRecord)
	if errors.Is(err, fs.ErrNotExist) {
		return rec, ErrNone
	}
	doc := struct {
		Format int `json:"format"`
		*Record
	}{Record: rec}
	if err == nil {
		err = json.Unmarshal(data, &doc)
	}
	if err == nil && (doc.Format < 1 || doc.Format > recordFormat) {
		err = fmt.Errorf("its format is %d, and this version knows %d", doc.Format, recordFormat)
	}
	nowhere := func(w Written) bool { return filepath.Dir(w.Path) == "." } // repair would write where one stands
	if err == nil && (!strings.EqualFold(rec.Name, name) || len(rec.Files) == 0 || rec.Program == "" || slices.ContainsFunc(rec.Files, nowhere)) {
		err = errors.New("it is not whole")
	}
	if err != nil {
		return rec, fault.New(fault.BadConfig, "the record %s cannot be used: %w", r.path(name), err).
			Fix("remove it and add the launcher again: modelrun launcher add --force %s -- …", fault.Quote(name))
	}
	rec.each(unescape)
	return rec, nil
}

// Write keeps a record.
func (r Records) Write(whole *Record) error {
	rec := *whole
	rec.Options, rec.Command, rec.Files = append([]string{}, rec.Options...), append([]string{}, rec.Command...), append([]Written{}, rec.Files...)
	rec.each(escape)
	data, err := json.MarshalIndent(struct {
		Format int `json:"format"`
		Record
	}{recordFormat, rec}, "", "  ")
	if err == nil && len(data) >= maxRecord {
		err = fmt.Errorf("it has more than %d bytes", maxRecord)
	}
	if err == nil {
		err = fsys.WriteFile(r.path(rec.Name), append(data, '\n'))
	}
	if err != nil {
		return fault.New(fault.NotWritable, "the record of launcher %s cannot be written: %w", rec.Name, err).Fix("make %s writable", fault.Quote(string(r)))
	}
	return nil
}

// Drop forgets a launcher; one that has no record is forgotten.
func (r Records) Drop(name string) error {
	if err := os.Remove(r.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.NotWritable, "the record of launcher %s cannot be removed: %w", name, err).Fix("make %s writable", fault.Quote(string(r)))
	}
	return nil
}

// each changes every string that may hold any byte.
func (rec *Record) each(change func(string) string) {
	for _, s := range []*string{&rec.Program, &rec.Dir, &rec.Icon} {
		*s = change(*s)
	}
	for _, list := range [][]string{rec.Options, rec.Command} {
		for i := range list {
			list[i] = change(list[i])
		}
	}
	for i := range rec.Files {
		rec.Files[i].Path = change(rec.Files[i].Path)
	}
}

// escape makes UTF-8 of any bytes but NUL, which no argument and no path holds:
// a byte that is no text becomes NUL and two hex digits.
func escape(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, "\x00%02x", s[i])
		} else {
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

func unescape(s string) string {
	for from := 0; ; {
		i := strings.IndexByte(s[from:], 0)
		if i < 0 || from+i+3 > len(s) {
			return s
		}
		i += from
		if b, err := hex.DecodeString(s[i+1 : i+3]); err == nil {
			s = s[:i] + string(b) + s[i+3:]
		}
		from = i + 1
	}
}

// maxFile is far above any file of a launcher, a copy of modelrun among them.
const maxFile = 64 << 20

// content is what a file is to hold.
func (f File) content() ([]byte, error) {
	if f.Copy == "" {
		return f.Data, nil
	}
	return fsys.ReadFile(f.Copy, maxFile)
}

// sum is of what a file says.
func sum(name string, data []byte) string {
	h := sha256.Sum256(meaning(name, data))
	return hex.EncodeToString(h[:])
}

// State says how a file of a launcher is now.
type State string

// The states.
const (
	Same    State = "same"    // as it was written
	Changed State = "changed" // by hand, or it cannot be read
	Missing State = "missing"
)

// State compares a file with what was written.
func (w Written) State() State {
	data, err := fsys.ReadFile(w.Path, maxFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, e := os.Lstat(w.Path); e == nil { // a link to nothing is somebody's
			return Changed
		}
		return Missing
	case err != nil || sum(w.Path, data) != w.SHA256:
		return Changed
	}
	return Same
}

// keep renames what lies at path to a name beside it that is free, and returns that.
func keep(path string) (string, error) {
	to := path + ".bak"
	for n := 2; ; n++ {
		if _, err := os.Lstat(to); err != nil { // free, or the rename says why not
			return to, os.Rename(path, to)
		}
		to = fmt.Sprintf("%s.bak%d", path, n)
	}
}

// write replaces path as a whole; the umask applies to mode. A foreign file is
// kept, and stays in its place until the new one is whole.
func write(path string, data []byte, mode fs.FileMode, foreign bool) (kept string, err error) {
	if old, err := fsys.ReadFile(path, maxFile); err == nil && bytes.Equal(old, data) {
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 == mode&0o111 {
			return "", nil
		}
	}
	tmp := filepath.Join(filepath.Dir(path), ".modelrun-"+fsys.RandomHex(8)) // path's own may have no room for more
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil && foreign {
		kept, err = keep(path)
	}
	if err == nil {
		err = fsys.Rename(tmp, path) // which waits for an antivirus
		if why := syscall.Errno(0); runtime.GOOS == "windows" && errors.As(err, &why) {
			err = &fs.PathError{Op: "replace", Path: path, Err: why}
		}
	}
	if err != nil {
		_ = os.Remove(tmp) // the first error counts
	}
	return kept, err
}
