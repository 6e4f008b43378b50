package store

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// journal records what a publish in two renames is about to do.
type journal struct {
	Schema int    `json:"schema"`
	New    string `json:"new"` // paths below .envs
	Old    string `json:"old"`
	Next   bool   `json:"next,omitempty"` // the target is in .next
}

// twoSteps moves d to old and then the stage to d, without an exchange. Between the
// two renames there is no env. The journal lets the next creation finish or undo
// the publish.
func (st *Stage) twoSteps(d envdir.Dir, old string) error {
	s, k, path, target := st.store, st.key, st.Dir.Path, d.Path
	data, err := json.Marshal(journal{1, below(s.Root, path), below(s.Root, old), d.Kind == envdir.Next})
	if err != nil {
		return err
	}
	if err := fsys.WriteDurable(s.Root.Files(k).Journal(), data); err != nil {
		return err
	}
	if err := fsys.SyncDir(s.Root.Locks()); err != nil {
		return err
	}
	s.At("journal")
	if err := fsys.Rename(target, old); err != nil {
		return errors.Join(err, fsys.RemoveAll(s.Root.Files(k).Journal()))
	}
	s.At("moved-old")
	if err := fsys.Rename(path, target); err != nil {
		undone := fsys.Rename(old, target)
		if !fsys.Exists(target) { // keep the journal: the next creation tries again to undo it
			return errors.Join(err, undone)
		}
		return errors.Join(err, fsys.RemoveAll(s.Root.Files(k).Journal()))
	}
	s.At("moved-new")
	return fsys.RemoveAll(s.Root.Files(k).Journal())
}

// finish completes a publish in two steps that was interrupted: forward if the new
// env is complete, otherwise back.
func (l *Lock) finish() error {
	s, k := l.store, l.key
	data, err := fsys.ReadFile(s.Root.Files(k).Journal(), maxState)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil && !errors.Is(err, fsys.ErrNotRegular) {
		return err // it may name the only complete env, so sweep nothing before reading it
	}
	var j journal
	if err == nil && json.Unmarshal(data, &j) == nil && j.isOf(s.Root, k) {
		target := s.Root.Shared(k).Path
		if j.Next {
			target = s.Root.Next(k).Path
		}
		staged, old := filepath.Join(s.Root.Envs(), filepath.FromSlash(j.New)), filepath.Join(s.Root.Envs(), filepath.FromSlash(j.Old))
		_, gone := os.Lstat(target)
		switch {
		case gone == nil: // before the first rename, or after the second
		case fsys.Exists(filepath.Join(staged, filepath.Base(s.Root.Shared(k).Ready()))):
			s.At("finish")
			if err := fsys.Rename(staged, target); err != nil {
				return err
			}
		case fsys.IsDir(old):
			if err := fsys.Rename(old, target); err != nil {
				return err
			}
		}
	}
	return fsys.RemoveAll(s.Root.Files(k).Journal())
}

// isOf reports whether twoSteps could have written this journal for a key. So a
// journal that is damaged or written by another user can only move the key's own
// folders.
func (j journal) isOf(root envdir.Root, k envdir.Key) bool {
	staged, _, ok := envdir.ParseStaging(path.Base(j.New))
	fromTmp := ok && staged == k && path.Dir(j.New) == filepath.Base(root.Tmp())
	retired, hex, ok := envdir.ParseStaging(path.Base(j.Old))
	return fromTmp && ok && j.Old == below(root, root.Retired(string(retired), hex)) && retired == k
}

// below returns one of our paths relative to .envs, with slashes.
func below(root envdir.Root, p string) string {
	rel, _ := filepath.Rel(root.Envs(), p) // both are below the root
	return filepath.ToSlash(rel)
}
