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

// Record is the stored description of a launcher: what it starts and which
// files were written.
type Record struct {
	Spec
	Files []Written `json:"files"` // at least one
}

// Written is a file with the digest of what was written.
type Written struct {
	Path   string `json:"path"`   // absolute
	SHA256 string `json:"sha256"` // hexadecimal, of the significant content
}

// Records is the folder of the records, with one JSON file each.
type Records string

// recordFormat is the number of the format. A newer version writes a higher
// one.
const recordFormat = 1

// maxRecord is far above the size of any record.
const maxRecord = 1 << 20

// ErrNone is the error for a name that has no record.
var ErrNone = errors.New("no such launcher")

// path returns the file of a record.
func (r Records) path(name string) string { return filepath.Join(string(r), name+".json") }

// Names returns the sorted names of all records. It returns none if the folder
// does not exist.
func (r Records) Names() ([]string, error) {
	entries, err := os.ReadDir(string(r))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.BadConfig, "the records of launchers cannot be read: %w", err).Fix("make %s readable", fault.Quote(string(r)))
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".json"); ok && nameProblem(name) == "" {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names, nil
}

// Read returns a launcher's record. The error is ErrNone if there is none, and
// a *fault.Error if it is damaged.
func (r Records) Read(name string) (*Record, error) {
	rec := &Record{}
	if nameProblem(name) != "" {
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
	nowhere := func(w Written) bool { return filepath.Dir(w.Path) == "." } // repair would write into the working directory
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

// Write stores a record.
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

// Drop removes a launcher's record, if there is one.
func (r Records) Drop(name string) error {
	if err := os.Remove(r.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.NotWritable, "the record of launcher %s cannot be removed: %w", name, err).Fix("make %s writable", fault.Quote(string(r)))
	}
	return nil
}

// each changes every string that may contain arbitrary bytes.
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

// escape returns s as UTF-8. It replaces a byte that is not text by NUL and two hex
// digits. NUL itself cannot occur, because no argument and no path contains it.
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

// maxFile is far above the size of any file of a launcher, including a copy of
// modelrun.
const maxFile = 64 << 20

// content returns the content that a file must have.
func (f File) content() ([]byte, error) {
	if f.Copy == "" {
		return f.Data, nil
	}
	return fsys.ReadFile(f.Copy, maxFile)
}

// digest returns the digest of the significant content of a file.
func digest(name string, data []byte) string {
	h := sha256.Sum256(significant(name, data))
	return hex.EncodeToString(h[:])
}

// State is the current state of a launcher's file.
type State string

// The states of a file.
const (
	Same    State = "same"    // as it was written
	Changed State = "changed" // changed by hand, or unreadable
	Missing State = "missing" // deleted
)

// State compares a file with what was written.
func (w Written) State() State {
	data, err := fsys.ReadFile(w.Path, maxFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, e := os.Lstat(w.Path); e == nil { // a dangling link was made by the user
			return Changed
		}
		return Missing
	case err != nil || digest(w.Path, data) != w.SHA256:
		return Changed
	}
	return Same
}

// backup renames the file at path to a free name next to it, and returns that
// name.
func backup(path string) (string, error) {
	to := path + ".bak"
	for n := 2; ; n++ {
		if _, err := os.Lstat(to); err != nil { // free, or the rename returns the error
			return to, os.Rename(path, to)
		}
		to = fmt.Sprintf("%s.bak%d", path, n)
	}
}

// write replaces path atomically; the umask applies to mode. A foreign file is
// renamed only when the new one is complete.
func write(path string, data []byte, mode fs.FileMode, foreign bool) (kept string, err error) {
	if old, err := fsys.ReadFile(path, maxFile); err == nil && bytes.Equal(old, data) {
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 == mode&0o111 {
			return "", nil
		}
	}
	tmp := filepath.Join(filepath.Dir(path), ".modelrun-"+fsys.RandomHex(8)) // a longer name than path's could be too long
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil && foreign {
		kept, err = backup(path)
	}
	if err == nil {
		err = fsys.Rename(tmp, path) // waits for an antivirus
		if why := syscall.Errno(0); runtime.GOOS == "windows" && errors.As(err, &why) {
			err = &fs.PathError{Op: "replace", Path: path, Err: why}
		}
	}
	if err != nil {
		_ = os.Remove(tmp) // report the first error
	}
	return kept, err
}
