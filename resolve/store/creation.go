package store

import (
	"encoding/json"
	"math"
	"os"
	"time"

	"github.com/gofrs/flock"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// Creation is the creation of one key as other processes see it: whether it is in
// progress, how far it is, and how the last one failed. Its methods change nothing
// on the disk. The creator itself holds the [Lock].
type Creation struct{ files envdir.Files }

// Owner is the process that creates an env, with its progress. It is advisory, and
// used only in messages.
type Owner struct {
	Schema    int       `json:"schema"`            // 1
	PID       int       `json:"pid"`               // of the creator
	Host      string    `json:"host"`              // of the creator's machine
	User      string    `json:"user"`              // who runs the creator
	BootID    string    `json:"boot_id,omitempty"` // of the creator's machine
	Started   time.Time `json:"started"`           // when the creation began
	Phase     string    `json:"phase"`             // such as "installing"
	Done      int64     `json:"done"`              // bytes
	Total     int64     `json:"total"`             // bytes; 0 if it is not known
	Heartbeat int64     `json:"beat"`              // grows with each sign of progress

	Packages      int    `json:"packages,omitempty"`       // finished
	PackagesTotal int    `json:"packages_total,omitempty"` // 0 if it is not known
	Doing         string `json:"doing,omitempty"`          // a detail of the phase: "downloading torch 2.11.0"
}

// Busy reports whether another process holds the creation lock. It changes nothing
// on the disk.
func (c Creation) Busy() (bool, error) {
	busy, _, err := c.LockState()
	return busy, err
}

// LockState does the same as [Creation.Busy], and also reports whether the file
// system has no locks.
func (c Creation) LockState() (busy, lockless bool, err error) {
	if _, err := os.Lstat(c.files.Lock()); err != nil {
		return false, false, nil //nolint:nilerr // without a lock file, nothing was ever created
	}
	f := flock.New(c.files.Lock(), flock.SetFlag(os.O_RDONLY|fsys.NoFollow))
	got, err := f.TryRLock()
	if err != nil {
		return false, fsys.NoLocks(err), nil // without locks there is nothing to wait for
	}
	if got {
		return false, false, f.Close()
	}
	return true, false, nil
}

// maxOwner is far above the size of any owner file.
const maxOwner = 64 << 10

// maxCount is above every real number in an owner file, and far below an overflow.
const maxCount = 1 << 50

// Owner returns the holder of the lock, or a zero Owner if the file cannot be read.
// Every user who shares the root can write the file. So Owner limits the numbers,
// which could overflow a sum, and the text, which could look like a line of ours.
func (c Creation) Owner() Owner {
	var o Owner
	data, err := fsys.ReadFile(c.files.Owner(), maxOwner)
	if err != nil || json.Unmarshal(data, &o) != nil {
		return Owner{}
	}
	for _, n := range []*int64{&o.Done, &o.Total} {
		*n = min(max(*n, 0), maxCount)
	}
	for _, n := range []*int{&o.PID, &o.Packages, &o.PackagesTotal} {
		*n = min(max(*n, 0), math.MaxInt32)
	}
	for _, text := range []*string{&o.Host, &o.User, &o.Phase, &o.Doing} {
		if !isLine(*text) {
			*text = ""
		}
	}
	return o
}
