// Package store makes envs appear whole or not at all: locks, leases, staging,
// publish, sweep.
package store

import (
	"errors"
	"time"

	"github.com/modelrun/modelrun/resolve/envdir"
)

// Store is the .envs folder of one root.
type Store struct{ Root envdir.Root }

// ErrBusy is returned when another process holds a creation lock.
var ErrBusy = errors.New("another process holds the lock")

// Owner is who creates an env and how far; advisory, for messages only.
type Owner struct {
	Schema  int       `json:"schema"`
	PID     int       `json:"pid"`
	Host    string    `json:"host"`
	User    string    `json:"user"`
	BootID  string    `json:"boot_id,omitempty"`
	Started time.Time `json:"started"`
	Phase   string    `json:"phase"`
	Done    int64     `json:"done"`  // bytes
	Total   int64     `json:"total"` // bytes, 0 unknown
	Beat    int64     `json:"beat"`  // grows with every sign of progress
}

// Lock is a held creation lock.
type Lock struct{}

// TryLock takes the creation lock of a key or returns ErrBusy at once.
func (s *Store) TryLock(k envdir.Key) (*Lock, error) { return nil, errors.ErrUnsupported }

// Report replaces what others read about us.
func (l *Lock) Report(o Owner) error { return nil }

// Unlock frees the lock.
func (l *Lock) Unlock() error { return nil }

// Owner reads who holds the lock; a file that cannot be read is a zero Owner.
func (s *Store) Owner(k envdir.Key) Owner { return Owner{} }

// Lease is a shared lock held while a program runs in an env.
type Lease struct{}

// Lease takes the lease of an env. It survives execve: see FD.
func (s *Store) Lease(d envdir.Dir) (*Lease, error) { return nil, errors.ErrUnsupported }

// FD is the descriptor that the program inherits. A nil Lease has none.
func (l *Lease) FD() (uintptr, bool) { return 0, false }

// Release gives the lease back.
func (l *Lease) Release() {}
