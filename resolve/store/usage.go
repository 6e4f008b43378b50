package store

import (
	"cmp"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/modelrun/modelrun/resolve/envdir"
)

// Sizes is what a new env takes on the disk. It stands in READY.json, because
// 50 envs of 20,000 files take 5 s to walk (measured, 2 cores).
type Sizes struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"` // each file counted once
	Own   int64 `json:"own"`   // of Bytes, those of files that have no link elsewhere
	// Linked is the rest of Bytes, by package: one file of each, relative to the
	// env's folder, tells by its links whether the package is still shared. uv
	// links a wheel as a whole, and its cache loses a wheel as a whole. A package's
	// byte code is another one, in here from the start: a later env may link it.
	Linked map[string]int64 `json:"linked,omitempty"`
}

const byteCode = ".pyc"

// Sane reports that no number of a seal, which may be damaged, is one that no
// env has.
func (z *Sizes) Sane() bool {
	ok := func(n int64) bool { return n >= 0 && n <= maxCount }
	if z == nil || !ok(z.Own) {
		return false
	}
	for _, n := range z.Linked {
		if !ok(n) {
			return false
		}
	}
	return true
}

// Measure walks an env. owners says to which package a file belongs; files of
// nobody are a package of their own.
func Measure(dir string, owners map[string]string) Sizes {
	t := walk(dir)
	z := Sizes{Files: t.count, Bytes: t.own, Own: t.own, Linked: map[string]int64{}}
	first := map[string]string{} // the file that stands for a package
	for _, f := range slices.SortedFunc(maps.Values(t.files), func(a, b *linkedFile) int { return strings.Compare(a.path, b.path) }) {
		z.Bytes += f.size
		owner := cmp.Or(owners[f.path], f.path)
		if filepath.Ext(f.path) == byteCode {
			owner = byteCode + owners[envdir.SourceOf(f.path)]
		} else if f.here >= f.links {
			z.Own += f.size
			continue
		}
		if first[owner] == "" {
			rel, _ := filepath.Rel(dir, f.path) // it was found below dir
			first[owner] = filepath.ToSlash(rel)
		}
		z.Linked[first[owner]] += f.size
	}
	return z
}

// tree is what lies below a folder.
type tree struct {
	count int
	own   int64 // bytes of files with one link
	files map[fileID]*linkedFile
}

type linkedFile struct {
	path        string // the first that was found
	size        int64
	links, here int
}

// walk looks at every file below path. What cannot be read is not counted.
func walk(path string) tree {
	t := tree{files: map[fileID]*linkedFile{}}
	regular(path, func(p string, info fs.FileInfo) bool {
		t.count++
		id, links := identify(p, info)
		switch f := t.files[id]; {
		case links <= 1 && filepath.Ext(p) != byteCode:
			t.own += info.Size()
		case f != nil:
			f.here++
		default:
			t.files[id] = &linkedFile{path: p, size: info.Size(), links: links, here: 1}
		}
		return true
	})
	return t
}

// Place is a folder whose bytes are asked for.
type Place struct {
	Path   string
	Sealed *Sizes // what it took when it was made, where that is still so; nil: it is walked
}

// Usage is what a place takes.
type Usage struct {
	Bytes int64 // each file counted once
	Alone int64 // that come free when it goes and everything else stays
}

// Used says what each place takes, and all of them together with each file
// counted once.
//
// Of a sealed place the bytes are those that it was made with: byte code that
// was written later and files that somebody changed by hand are not seen.
func Used(places []Place) (each []Usage, total int64) {
	trees := make([]tree, len(places))
	var group sync.WaitGroup
	free := make(chan struct{}, runtime.NumCPU())
	for i, p := range places {
		group.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			if p.Sealed != nil {
				trees[i] = p.Sealed.tree(p.Path)
			} else {
				trees[i] = walk(p.Path)
			}
		})
	}
	group.Wait()
	each = make([]Usage, len(places))
	seen := map[fileID]bool{}
	for _, walked := range []bool{true, false} { // a package that was walked is known by each of its files
		for i, t := range trees {
			if walked != (places[i].Sealed == nil) {
				continue
			}
			u := Usage{t.own, t.own}
			total += t.own
			for id, f := range t.files {
				u.Bytes += f.size
				if f.here >= f.links {
					u.Alone += f.size
				}
				if !seen[id] {
					seen[id] = true
					total += f.size
				}
			}
			each[i] = u
		}
	}
	return each, total
}

// tree is the sealed sizes with what is linked now: a package counts as one file.
func (z *Sizes) tree(dir string) tree {
	t := tree{count: z.Files, own: z.Own, files: map[fileID]*linkedFile{}}
	for rel, size := range z.Linked {
		path := filepath.Join(dir, filepath.FromSlash(rel))
		info, err := os.Lstat(path)
		if err != nil {
			t.own += size // as when it was made
			continue
		}
		id, links := identify(path, info)
		if links <= 1 {
			t.own += size
		} else if f := t.files[id]; f != nil {
			f.size += size
		} else {
			t.files[id] = &linkedFile{size: size, links: links, here: 1}
		}
	}
	return t
}
