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

// Put writes the files of a launcher into dir, which it creates, and its
// record. Without force it changes no existing file. With force, a file that
// modelrun did not write is renamed, and its new name is returned. Unchanged
// files of an earlier launcher with this name, in other folders, are removed.
//
// The record is written first. Check then detects an interrupted Put, and
// another Put completes it.
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
		old = &Record{} // a damaged record owns no files
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
		w := Written{Path: filepath.Join(dir, f.Name), SHA256: digest(f.Name, data[i])}
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
			_ = r.Drop(s.Name) // no file was written, or Check finds it
		}
		return rec, kept, cannotWrite(err, dir)
	}
	for _, w := range old.Files {
		if !rec.has(w.Path) && w.State() == Same {
			_ = os.Remove(w.Path) // files of the launcher that was replaced
		}
	}
	return rec, kept, nil
}

// write writes the record and then the files.
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

// cannotWrite turns an error of the system into one for the user.
func cannotWrite(err error, dir string) error {
	var said *fault.Error
	if errors.As(err, &said) {
		return err
	}
	var file *fs.PathError
	if runtime.GOOS == "windows" && errors.As(err, &file) && (file.Op == "replace" || file.Op == "remove") { // Windows refuses this for a running program
		return fault.New(fault.InUse, "%s is in use: %w", file.Path, file.Err).Fix("end the program, and try again")
	}
	return fault.New(fault.NotWritable, "the launcher cannot be written: %w", err).
		Fix("name a folder that you may write: --to DIR; or, for one of the system, run it as its administrator (%s)", dir)
}

// wrote reports whether path has the content of a file that this record says
// modelrun wrote, in that folder or in an earlier one.
func (rec *Record) wrote(path string) bool {
	return slices.ContainsFunc(rec.Files, func(w Written) bool {
		return sameName(filepath.Base(w.Path), filepath.Base(path)) && Written{path, w.SHA256}.State() == Same
	})
}

// has reports whether path is a file of this record, under any name.
func (rec *Record) has(path string) bool {
	return slices.ContainsFunc(rec.Files, func(w Written) bool { return sameFile(w.Path, path) })
}

// sameName reports whether two names are the same for the system.
func sameName(a, b string) bool {
	return a == b || runtime.GOOS == "windows" && strings.EqualFold(a, b)
}

// Remove deletes the unchanged files of a launcher, and then its record. A
// changed file is an error before anything is deleted. With force it is renamed
// instead, and its new name is returned. get reads a variable.
func (r Records) Remove(rec *Record, force bool, get func(string) string) (kept []string, err error) {
	name := fault.Quote(rec.Name)
	for _, w := range rec.Files {
		if w.State() == Changed && !force {
			return nil, fault.New(fault.BadUsage, "%s was changed by hand", w.Path).Fix("modelrun launcher remove --force %s   # what was changed is kept as .bak", name)
		}
	}
	if link := rec.enabledLink(get); link != "" && !force {
		return nil, fault.New(fault.InUse, "systemd starts %s: %s", rec.Name, link).Fix("%s && modelrun launcher remove %s", rec.Stop(get), name)
	}
	for _, w := range rec.Files {
		switch w.State() {
		case Changed:
			to, err := backup(w.Path)
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
