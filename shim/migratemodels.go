package shim

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/need"
	"github.com/modelrun/modelrun/resolve/store"
)

// forModel is this session for another model. What a project's file says of its
// own model does not count for that one.
func (s *session) forModel(name string, old envdir.ID) *session {
	one, set := *s, *s.set
	one.set = &set
	if own, _ := s.quiet().model(); own.OldID() == old { // none: nothing is named or found
		return &one
	}
	for _, i := range []id{sEnv, sFamily} {
		if set.one[i].project != "" {
			set.one[i] = setting{}
		}
	}
	set.one[sModel] = setting{value: name, from: "modelrun migrate"}
	return &one
}

// models says which models the old envs belong to: what is named or found here,
// what a start noted, what the id itself says, what lies near. An id is the md5
// of its model's path, so that whoever has it is the one.
func (s *session) models(dirs []envdir.Dir) map[envdir.ID]string {
	st, out := &store.Store{Root: s.root}, map[envdir.ID]string{}
	wanted := map[envdir.ID]bool{}
	own, _ := s.quiet().model() // none: nothing is named or found
	for _, d := range dirs {
		id := envdir.ID(d.Name)
		switch name := cmp.Or(st.ModelOf(id), need.HubName(id)); {
		case own.OldID() == id:
			out[id] = cmp.Or(own.Hub, own.Path)
		case name != "":
			out[id] = name
		default:
			wanted[id] = true
		}
	}
	n := near{wanted: wanted, found: out, left: nearLimit, skip: s.root.Environments()}
	for _, dir := range []string{s.set.base, string(s.root)} {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			n.look(real, nearDepth)
		}
	}
	return out
}

// Models are looked for so deep, and among so many files.
const (
	nearDepth = 3
	nearLimit = 10_000
)

// near looks for the models of ids that nobody noted.
type near struct {
	wanted map[envdir.ID]bool
	found  map[envdir.ID]string
	left   int
	skip   string
}

func (n *near) look(path string, depth int) {
	if id := envdir.LocalID(path); n.wanted[id] {
		delete(n.wanted, id)
		n.found[id] = path
	}
	if depth == 0 || path == n.skip {
		return
	}
	entries, _ := os.ReadDir(path) // a file, or not ours to read
	for _, e := range entries {
		if n.left--; n.left < 0 || len(n.wanted) == 0 {
			return
		}
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		below, err := filepath.Join(path, e.Name()), error(nil)
		if e.Type()&os.ModeSymlink != 0 {
			below, err = filepath.EvalSymlinks(below)
		}
		if err == nil {
			n.look(below, depth-1)
		}
	}
}
