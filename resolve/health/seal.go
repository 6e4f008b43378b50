package health

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/modelrun/modelrun/resolve/envdir"
)

// Seal is READY.json: written last, inside the env's folder, so an env that
// has one was complete and, where Durable, on the disk.
type Seal struct {
	Schema      int               `json:"schema"`   // 1
	BuildID     string            `json:"build_id"` // random, 32 hex digits
	Key         string            `json:"key"`
	PlanHash    string            `json:"plan_hash,omitempty"` // of everything that went into it
	Profile     string            `json:"profile,omitempty"`
	ProfileHash string            `json:"profile_hash,omitempty"`
	Python      SealedPython      `json:"python"`
	Dists       map[string]string `json:"dists"` // version of each needed distribution
	Torch       SealedTorch       `json:"torch,omitzero"`
	Packages    int               `json:"packages"` // number of distributions
	Digest      string            `json:"digest"`   // of the names in site-packages
	Files       map[string]int64  `json:"files"`    // bytes of the key files, by path below site-packages
	Relaxed     []string          `json:"relaxed,omitempty"`
	UV          string            `json:"uv,omitempty"`
	Modelrun    string            `json:"modelrun,omitempty"`
	BootID      string            `json:"boot_id,omitempty"`
	Durable     bool              `json:"durable"` // every file was flushed before this one was written
	Created     time.Time         `json:"created"`
}

// SealedPython is the interpreter that an env was built with.
type SealedPython struct {
	Path     string    `json:"path"` // relative to the env's folder
	Realpath string    `json:"realpath"`
	Version  string    `json:"version"` // "3.11"
	Size     int64     `json:"size"`
	Modified time.Time `json:"mtime"`
}

// SealedTorch is what torch/version.py says.
type SealedTorch struct {
	Version string `json:"version,omitempty"`
	CUDA    string `json:"cuda,omitempty"`
	HIP     string `json:"hip,omitempty"`
}

// NewSeal reads a finished staging folder. The caller fills in what the folder
// does not tell: PlanHash, Profile, ProfileHash, Relaxed, UV, Modelrun, BootID,
// Durable.
func NewSeal(s Subject) (Seal, error) {
	st, v, err := readSite(s.Dir)
	if err != nil {
		return Seal{}, err
	}
	if v.Code != "" {
		return Seal{}, fmt.Errorf("the new environment is not one: %s", v.Reason)
	}
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return Seal{}, err
	}
	seal := Seal{
		Schema: 1, BuildID: hex.EncodeToString(id), Key: s.Dir.Name, Digest: digest(st.names),
		Dists: map[string]string{}, Files: map[string]int64{}, Created: time.Now().UTC().Truncate(time.Second),
		Python: SealedPython{Version: st.cfg.minor, Size: st.python.Size(), Modified: st.python.ModTime().UTC()},
	}
	if seal.Python.Path, err = filepath.Rel(s.Dir.Path, s.Dir.Python()); err != nil {
		return Seal{}, err
	}
	seal.Python.Path = filepath.ToSlash(seal.Python.Path)
	if seal.Python.Realpath, err = filepath.EvalSymlinks(s.Dir.Python()); err != nil {
		return Seal{}, unreadable(s.Dir.Python(), err)
	}
	dists := distsOf(st.names)
	seal.Packages = len(dists)
	for _, i := range s.Imports {
		if d, ok := dists[normal(i.Dist)]; ok {
			seal.Dists[i.Dist] = d.version
		}
	}
	for _, rel := range keyFiles(s.Imports, s.Accel) {
		if info, err := os.Stat(filepath.Join(st.packages, filepath.FromSlash(rel))); err == nil {
			seal.Files[rel] = info.Size()
		}
	}
	if needs(s, "torch") {
		data, err := readLimited(filepath.Join(st.packages, "torch", "version.py"), 64<<10)
		if err != nil && !gone(err) {
			return Seal{}, unreadable(st.packages, err)
		}
		t := parseTorchVersion(data)
		seal.Torch = SealedTorch{Version: t.version, CUDA: t.cuda, HIP: t.hip}
	}
	return seal, nil
}

// Encode is the content of READY.json. Writing it durably is the store's work.
func (s Seal) Encode() ([]byte, error) {
	data, err := json.MarshalIndent(s, "", "  ")
	return append(data, '\n'), err
}

// ReadSeal reads the seal of an env. Without one, or with one that is cut off
// or of a later schema, ok is false and the env counts as unsealed: usable
// after a deep probe only. An error is one of the disk.
func ReadSeal(d envdir.Dir) (seal Seal, ok bool, err error) {
	data, err := readLimited(d.Ready(), 1<<20)
	if gone(err) {
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
