package usage

import (
	"io/fs"

	"github.com/modelrun/modelrun/resolve/fsys"
)

// Frees returns for each folder how many bytes become free when it is deleted after
// those before it. A file that is linked from elsewhere frees no space.
func Frees(paths []string) []int64 {
	l := Ledger{}
	out := make([]int64, len(paths))
	for i, path := range paths {
		out[i] = l.Remove(path)
	}
	return out
}

// Ledger counts the hard links of removed files. A file frees its bytes with its
// last link: uv links the files of an env to its cache, and so to other envs.
type Ledger map[fsys.FileID]int

// Remove records that everything below path is removed. It returns how many bytes
// become free.
func (l Ledger) Remove(path string) (freed int64) {
	fsys.EachFile(path, func(p string, info fs.FileInfo) bool {
		id, links := fsys.Identify(p, info)
		if links > 1 {
			l[id]++
		}
		if links <= 1 || l[id] == links {
			freed += info.Size()
		}
		return true
	})
	return freed
}

// Alone reports whether no file below path has a link elsewhere. It does not count
// the links that were removed.
func (l Ledger) Alone(path string) bool {
	found := true
	fsys.EachFile(path, func(p string, info fs.FileInfo) bool {
		id, links := fsys.Identify(p, info)
		found = links-l[id] <= 1
		return found
	})
	return found
}
