// Package store makes envs appear complete or not at all: locks, leases, staging,
// publishing, recovery.
//
// The rename that publishes an env guarantees correctness. The creation lock only
// saves work. Everything that must survive a power cut is flushed before that
// rename: the staging folder by [Stage.Durable], READY.json by [Stage.Seal], the
// folders by [Stage.Publish]. All other files are advisory and may be lost.
package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// Store is the .envs folder of one root.
type Store struct {
	Root      envdir.Root
	Failpoint func(name string) // called before each step; nil except in tests of crashes

	swap func(a, b string) error // nil: fsys.Exchange; for tests of file systems that cannot
}

// At calls the failpoint with the name of the next step.
func (s *Store) At(name string) {
	if s.Failpoint != nil {
		s.Failpoint(name)
	}
}

// Keys returns the published shared envs, sorted. A root without envs has none.
func (s *Store) Keys() ([]envdir.Key, error) {
	entries, err := os.ReadDir(s.Root.Envs())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var keys []envdir.Key
	for _, e := range entries {
		if k, err := envdir.ParseKey(e.Name()); err == nil && e.IsDir() {
			keys = append(keys, k)
		}
	}
	return keys, nil
}

// Envs returns all envs of the root: shared ones, those in .next, and old ones. It
// includes files and links that have the name of an env: the caller reports them.
func (s *Store) Envs() ([]envdir.Dir, error) {
	entries, err := os.ReadDir(s.Root.Envs())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var out []envdir.Dir
	for _, e := range entries {
		k, err := envdir.ParseKey(e.Name())
		if err != nil {
			continue
		}
		out = append(out, s.Root.Shared(k))
		if next := s.Root.Next(k); fsys.IsDir(next.Path) {
			out = append(out, next)
		}
	}
	entries, err = os.ReadDir(s.Root.Environments())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		id, ok := envdir.OldID(e.Name())
		if !ok {
			continue // not the name of a model: it could put lines of its own into our tables
		}
		if d := s.Root.Old(id); fsys.IsDir(d.Venv()) {
			out = append(out, d)
		}
	}
	return out, nil
}

// NoteModel records that a model uses an env: one small file, written once.
func (s *Store) NoteModel(d envdir.Dir, id envdir.ID, model string) error {
	path := s.Root.Model(d, id)
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	return fsys.WriteFile(path, []byte(model+"\n"))
}

// Models returns the models that were started in an env, sorted.
func (s *Store) Models(d envdir.Dir) []string {
	dir := filepath.Dir(s.Root.Model(d, "x"))
	entries, _ := os.ReadDir(dir) // none: no models
	models := []string{}
	for _, e := range entries {
		data, err := fsys.ReadFile(filepath.Join(dir, e.Name()), maxState)
		model := strings.TrimSuffix(string(data), "\n")
		if err == nil && !strings.HasPrefix(e.Name(), ".") && isLine(model) {
			models = append(models, model)
		}
	}
	sort.Strings(models)
	return models
}

// isLine reports whether a text can be printed as one line. The file may be damaged
// or written by another user, and must not control the terminal.
func isLine(s string) bool {
	return s != "" && utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}

// LastUsed returns when an env was last started, to a day, and the zero time if
// never.
func (s *Store) LastUsed(d envdir.Dir) time.Time {
	info, err := os.Stat(s.Root.Lease(d))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// maxState is far above the size of any JSON file of ours. A larger file is not ours.
const maxState = 1 << 20

// suffix makes a name unique: 8 random hex digits.
func suffix() string { return fsys.RandomHex(8) }

// State holds the state of one machine, which may be lost at any time: verdicts and
// hardware. It is in the root or, where the root cannot be written, in the user's
// own state folder.
type State struct{ root, user string }

// OpenState returns the state of a machine. It does not touch the folders.
// userState may be "".
func OpenState(r envdir.Root, machine, userState string) State {
	st := State{root: r.State(machine)}
	if userState != "" {
		sum := sha256.Sum256([]byte(r))
		st.user = filepath.Join(userState, hex.EncodeToString(sum[:6]), machine)
	}
	return st
}

// Read reads from the root, or else from the user's folder. If both have the file,
// the newer one counts. Otherwise an old answer in a read-only root would hide the
// user's answer, and every start would probe again.
func (st State) Read(name string) ([]byte, error) {
	first, second := filepath.Join(st.root, name), ""
	if st.user != "" {
		second = filepath.Join(st.user, name)
		if newer(second, first) {
			first, second = second, first
		}
	}
	data, err := fsys.ReadFile(first, maxState)
	if err == nil || second == "" {
		return data, err
	}
	return fsys.ReadFile(second, maxState)
}

// newer reports whether a exists and is newer than b, or b does not exist.
func newer(a, b string) bool {
	mine, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err != nil || mine.ModTime().After(other.ModTime())
}

// Write writes to the root, or else to the user's folder. After a write to the root
// it removes the file of that name from the user's folder, so that an old answer
// never comes back.
func (st State) Write(name string, data []byte) error {
	err := fsys.WriteFile(filepath.Join(st.root, name), data)
	if st.user == "" {
		return err
	}
	file := filepath.Join(st.user, name)
	if err == nil {
		if e := os.Remove(file); e != nil && !errors.Is(e, fs.ErrNotExist) {
			return e
		}
		return nil
	}
	return fsys.WriteFile(file, data)
}
