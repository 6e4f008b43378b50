package launcher

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
)

// Put writes the files of a launcher into dir, which is made, and its record.
// Without force nothing that is there already is touched. With it, what was not
// written by us is kept under another name, which is returned, and what an
// earlier launcher of that name has left elsewhere goes when it is as written.
//
// The record is written first: a Put that is cut off is seen by Check, and
// mended by another.
func (r Records) Put(s *Spec, dir string, force bool) (rec *Record, kept []string, err error) {
	files, err := Render(*s)
	if err != nil {
		return rec, nil, err
	}
	old, err := r.Read(s.Name)
	known := err == nil
	switch {
	case !known && !errors.Is(err, ErrNone) && !force:
		return rec, nil, err
	case !known:
		old = &Record{} // what a damaged one says is nobody's
	case !force:
		return rec, nil, fault.New(fault.BadUsage, "launcher %s is there already: %s", s.Name, old.Files[0].Path).
			Fix("modelrun launcher remove %s   # or add it with --force", fault.Quote(s.Name))
	}
	rec = &Record{Spec: *s}
	data := make([][]byte, len(files))
	var foreign []string
	for i, f := range files {
		if data[i], err = f.content(); err != nil {
			return rec, nil, fault.New(fault.CannotStart, "%s cannot be copied: %w", f.Copy, err).Fix("install modelrun as a whole")
		}
		w := Written{Path: filepath.Join(dir, f.Name), SHA256: sum(f.Name, data[i])}
		rec.Files = append(rec.Files, w)
		if _, err := os.Lstat(w.Path); err == nil && w.State() != Same && !old.wrote(w.Path) {
			foreign = append(foreign, w.Path)
		}
	}
	if len(foreign) > 0 && !force {
		return rec, nil, fault.New(fault.BadUsage, "%s is there already, and no launcher of modelrun's", foreign[0]).
			Fix("choose another name, or add --force: what is there is then kept as %s.bak", foreign[0])
	}
	if kept, err = r.write(rec, dir, files, data, foreign); err != nil {
		if known {
			err = errors.Join(err, r.Write(old))
		} else {
			_ = r.Drop(s.Name) // nothing was written that it would tell of, or Check finds
		}
		return rec, kept, cannotWrite(err, dir)
	}
	for _, w := range old.Files {
		if !rec.has(w.Path) && w.State() == Same {
			_ = os.Remove(w.Path) // of the launcher that this one takes the place of
		}
	}
	return rec, kept, nil
}

func (r Records) write(rec *Record, dir string, files []File, data [][]byte, foreign []string) (kept []string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := r.Write(rec); err != nil {
		return nil, err
	}
	for i, w := range rec.Files {
		to, err := write(w.Path, data[i], files[i].Mode, slices.Contains(foreign, w.Path))
		if to != "" {
			kept = append(kept, to)
		}
		if err != nil {
			return kept, err
		}
	}
	return kept, nil
}

// cannotWrite is an error of the system in our words.
func cannotWrite(err error, dir string) error {
	var said *fault.Error
	if errors.As(err, &said) {
		return err
	}
	var file *fs.PathError
	if runtime.GOOS == "windows" && errors.As(err, &file) && (file.Op == "replace" || file.Op == "remove") { // which it does to no program that runs
		return fault.New(fault.InUse, "%s is in use: %w", file.Path, file.Err).Fix("end the program, and try again")
	}
	return fault.New(fault.NotWritable, "the launcher cannot be written: %w", err).
		Fix("name a folder that you may write: --to DIR; or, for one of the system, run it as its administrator (%s)", dir)
}

// wrote reports whether path holds what this record says that we wrote, there
// or where its folder was before.
func (rec *Record) wrote(path string) bool {
	return slices.ContainsFunc(rec.Files, func(w Written) bool {
		return sameName(filepath.Base(w.Path), filepath.Base(path)) && Written{path, w.SHA256}.State() == Same
	})
}

// has reports whether path is a file of this record, by whatever name.
func (rec *Record) has(path string) bool {
	return slices.ContainsFunc(rec.Files, func(w Written) bool { return same(w.Path, path) })
}

// sameName reports whether two names are one to the system.
func sameName(a, b string) bool {
	return a == b || runtime.GOOS == "windows" && strings.EqualFold(a, b)
}

// Remove deletes the files of a launcher that are as they were written, then
// its record. A changed one is an error before anything is touched; with force
// it is kept under another name, which is returned. get reads a variable.
func (r Records) Remove(rec *Record, force bool, get func(string) string) (kept []string, err error) {
	name := fault.Quote(rec.Name)
	for _, w := range rec.Files {
		if w.State() == Changed && !force {
			return nil, fault.New(fault.BadUsage, "%s was changed by hand", w.Path).Fix("modelrun launcher remove --force %s   # what was changed is kept as .bak", name)
		}
	}
	if link := rec.enabled(get); link != "" && !force {
		return nil, fault.New(fault.InUse, "systemd starts %s: %s", rec.Name, link).Fix("%s && modelrun launcher remove %s", rec.Stop(get), name)
	}
	for _, w := range rec.Files {
		switch w.State() {
		case Changed:
			to, err := keep(w.Path)
			if err != nil {
				return kept, cannotWrite(err, filepath.Dir(w.Path))
			}
			kept = append(kept, to)
		case Same:
			if err := os.Remove(w.Path); err != nil {
				return kept, cannotWrite(err, filepath.Dir(w.Path))
			}
		case Missing:
		}
	}
	return kept, r.Drop(rec.Name)
}
