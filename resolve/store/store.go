// Package store makes envs appear complete or not at all: locks, leases, staging,
// publishing, recovery.
//
// The rename that publishes an env guarantees correctness. The creation lock only
// saves work. Everything that must survive a power cut is flushed before that
// rename: the staging folder by [Stage.Durable], READY.json by [Stage.Seal], the
// folders by [Stage.Publish]. All other files are advisory and may be lost.
package store

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// Store is the .envs folder of one root. Programs that run in an env hold its
// [Lease]. The creator of a key holds its [Lock], builds in a [Stage] and publishes
// that. [Creation] shows other processes the progress, [Catalogue] lists the
// content of the root, and [OldEnvs] handles the envs of the app.
type Store struct {
	Root      envdir.Root       // the root
	Failpoint func(name string) // called before each step; nil except in crash tests

	swap func(a, b string) error // replaces fsys.Exchange in tests; else nil
}

// At calls the failpoint with the name of the next step.
func (s *Store) At(name string) {
	if s.Failpoint != nil {
		s.Failpoint(name)
	}
}

// Catalogue returns the catalogue of the root.
func (s *Store) Catalogue() Catalogue { return Catalogue{s.Root} }

// OldEnvs returns the envs of the app.
func (s *Store) OldEnvs() OldEnvs { return OldEnvs{s} }

// Creation returns the creation of a key as other processes see it.
func (s *Store) Creation(k envdir.Key) Creation { return Creation{s.Root.Files(k)} }

// isLine reports whether a text can be printed as one line. The file may be damaged
// or written by another user, and must not control the terminal.
func isLine(s string) bool {
	return s != "" && utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}

// maxState is far above the size of any JSON file of ours. A larger file is not ours.
const maxState = 1 << 20

// suffix returns 8 random hex digits, which make a name unique.
func suffix() string { return fsys.RandomHex(8) }
