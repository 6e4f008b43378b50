package health

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/requirement"
	"github.com/modelrun/modelrun/resolve/source"
	"github.com/modelrun/modelrun/resolve/usage"
)

// Seal is the content of READY.json. It is written last, inside the env's folder.
// So an env that has one was complete and, if Durable, on the disk.
type Seal struct {
	Schema      int               `json:"schema"`                 // 1
	BuildID     string            `json:"build_id"`               // random, 32 hex digits
	Key         string            `json:"key"`                    // the env's key
	Plan        string            `json:"plan_hash,omitempty"`    // hash of everything that went into the env
	Own         string            `json:"own,omitempty"`          // the file whose [envs] defines the key
	OwnHash     string            `json:"own_hash,omitempty"`     // hash of that definition's own text, without a profile that is its base
	Profile     string            `json:"profile,omitempty"`      // the profile's name
	ProfilePath string            `json:"profile_path,omitempty"` // "" for a built-in profile
	ProfileHash string            `json:"profile_hash,omitempty"` // hash of the profile's file
	Python      SealedPython      `json:"python"`                 // the interpreter
	Dists       map[string]string `json:"dists"`                  // version of each distribution that Imports names
	Torch       SealedTorch       `json:"torch,omitzero"`         // zero if there is no torch
	Packages    int               `json:"packages"`               // number of distributions
	Installed   map[string]string `json:"installed,omitempty"`    // version of every distribution; older seals lack it
	With        []string          `json:"with,omitempty"`         // requirements beyond the key that the env was made for, and their terms: "--index URL"
	Sources     []source.Source   `json:"sources,omitempty"`      // packages of this disk that With names
	Digest      string            `json:"digest"`                 // hash of the names in site-packages
	Files       map[string]int64  `json:"files"`                  // size of each key file, by path below site-packages
	Size        *usage.Sizes      `json:"size,omitempty"`         // disk usage; nil if it was not measured
	Relaxed     []string          `json:"relaxed,omitempty"`      // pins that were relaxed, one line each
	UV          string            `json:"uv,omitempty"`           // version of uv
	Modelrun    string            `json:"modelrun,omitempty"`     // version of modelrun
	BootID      string            `json:"boot_id,omitempty"`      // the boot in which the env was built
	Durable     bool              `json:"durable"`                // every file was flushed before this one was written
	Created     time.Time         `json:"created"`                // the time when this seal was made

	// Imports determines the content of Dists and Files. It is not written.
	Imports []profile.Import `json:"-"`
}

// SealedPython is the interpreter that an env was built with.
type SealedPython struct {
	Path     string    `json:"path"`     // relative to the env's folder
	Realpath string    `json:"realpath"` // with all links resolved
	Version  string    `json:"version"`  // "3.11"
	Size     int64     `json:"size"`     // in bytes
	Modified time.Time `json:"mtime"`    // its mtime
}

// SealedTorch is the content of torch/version.py.
type SealedTorch struct {
	Version string `json:"version,omitempty"` // "2.5.1+cu121"
	CUDA    string `json:"cuda,omitempty"`    // "12.1"; "" if there is no CUDA
	HIP     string `json:"hip,omitempty"`     // "" if there is no ROCm
}

// NewSeal completes a seal from a finished staging folder. base contains what
// the folder does not show (Plan, Own, Profile…, Size, Relaxed, UV, Modelrun,
// BootID, Durable) and the Imports. Every call creates another BuildID.
func NewSeal(d envdir.Dir, base Seal) (Seal, error) {
	st, v, err := readSite(d)
	if err != nil {
		return Seal{}, err
	}
	if v.Code != "" {
		return Seal{}, fmt.Errorf("the new environment is not one: %s", v.Reason)
	}
	seal := base
	seal.Schema, seal.BuildID, seal.Key, seal.Digest = 1, fsys.RandomHex(32), d.Name, digest(st.names)
	seal.Dists, seal.Files = map[string]string{}, map[string]int64{}
	seal.Created = time.Now().UTC().Truncate(time.Second)
	if seal.Python, err = sealPython(d, st); err != nil {
		return Seal{}, err
	}
	dists := distsOf(st.names)
	seal.Packages, seal.Installed = len(dists), installed(dists)
	for _, i := range base.Imports {
		if d, ok := dists[requirement.Normal(i.Dist)]; ok {
			seal.Dists[i.Dist] = d.version
		}
	}
	for _, rel := range keyFiles(base.Imports, "") {
		if info, err := os.Stat(filepath.Join(st.packages, filepath.FromSlash(rel))); err == nil {
			seal.Files[rel] = info.Size()
		}
	}
	t, err := readTorchVersion(st)
	if err != nil && !fsys.IsMissing(err) {
		return Seal{}, unreadable(st.packages, err)
	}
	seal.Torch = SealedTorch{Version: t.version, CUDA: t.cuda, HIP: t.hip}
	return seal, nil
}

func sealPython(d envdir.Dir, st *site) (SealedPython, error) {
	rel, err := filepath.Rel(d.Path, d.Python())
	if err != nil {
		return SealedPython{}, err
	}
	real, err := filepath.EvalSymlinks(d.Python())
	if err != nil {
		return SealedPython{}, unreadable(d.Python(), err)
	}
	return SealedPython{
		Path: filepath.ToSlash(rel), Realpath: real, Version: st.cfg.minor,
		Size: st.python.Size(), Modified: st.python.ModTime().UTC(),
	}, nil
}

// JSON returns the content of READY.json. The store writes it durably.
func (s Seal) JSON() []byte {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic(err) // cannot fail: there are only strings, numbers and times
	}
	return append(data, '\n')
}

// ReadSeal reads the seal of an env. ok is false if there is none, or if it is
// cut off or of a later schema. Such an env is usable only after a deep probe.
// An error comes from the disk.
func ReadSeal(d envdir.Dir) (seal Seal, ok bool, err error) {
	data, err := readLimited(d.Ready(), 1<<20)
	if fsys.IsMissing(err) || errors.Is(err, errNotRegular) {
		return Seal{}, false, nil
	}
	if err != nil {
		return Seal{}, false, unreadable(d.Ready(), err)
	}
	if json.Unmarshal(data, &seal) != nil || seal.Schema != 1 || seal.BuildID == "" || seal.Key == "" {
		return Seal{}, false, nil
	}
	return seal, true, nil
}

func sortedKeys(m map[string]int64) []string { return slices.Sorted(maps.Keys(m)) }
