// Package profile reads hardware profiles and families: which versions, which
// CUDA build and which index a GPU generation gets, and what a family needs.
package profile

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// maxSize bounds what is read of one profile; real ones are 2 KiB.
const maxSize = 1 << 20

const tooLarge = "larger than 1 MiB"

// Pin is one version of a profile, in the order of the file.
type Pin struct{ Name, Version string }

// Profile is one hardware profile.
type Profile struct {
	Name                             string // profile_id, or the file's name
	Path                             string // "" for an embedded one
	Hash                             string // sha256 of the file's bytes, hex
	Accel                            string // cu118 … cpu
	TorchIndex                       string // URL; "" none
	IndexPackages                    []string
	PythonMin, PythonMax, PythonBest string   // "3.10"; "" not said
	CC                               []string // compute capabilities or gfx targets that it was made for
	Pins                             []Pin
	Tested                           bool
	Families                         map[string]Override
}

// Override is what a profile says about one family alone. Its pins stand
// instead of the profile's, not beside them: vLLM needs a torch of its own.
type Override struct {
	Pins          []Pin
	TorchIndex    string   // "" the profile's
	IndexPackages []string // further packages that come from the index
}

// file is a profile as it is written. Fields that the app has and we do not
// need are ignored; accelerator, index_packages and families are our own, and
// the app ignores them.
type file struct {
	FormatVersion string `json:"format_version"`
	ProfileID     string `json:"profile_id"`
	Accelerator   string `json:"accelerator"`
	CUDAVersion   string `json:"cuda_version"`
	TorchIndex    string `json:"torch_index"`
	Python        struct {
		Min         string `json:"min"`
		Max         string `json:"max"`
		Recommended string `json:"recommended"`
	} `json:"python_version"`
	Hardware struct {
		CC []string `json:"compute_capability"`
	} `json:"hardware"`
	IndexPackages []string                `json:"index_packages"`
	Packages      pins                    `json:"packages"`
	Families      map[string]fileOverride `json:"families"`
	Tested        any                     `json:"tested"` // true, false, "in_progress"
}

type fileOverride struct {
	Packages      pins     `json:"packages"`
	TorchIndex    string   `json:"torch_index"`
	IndexPackages []string `json:"index_packages"`
}

// Parse reads one profile. path names it in errors, and gives the name where
// the file has no profile_id; it is not opened. Every error is a BadProfile.
//
// Unknown fields are ignored. Nothing that could break out of a requirement is
// let through: names, versions and the index are checked for their characters.
func Parse(path string, data []byte) (Profile, error) {
	if len(data) > maxSize {
		return Profile{}, bad(path, tooLarge)
	}
	sum := sha256.Sum256(data)
	text := trimBOM(data)
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		return Profile{}, notJSON(path, text, err)
	}
	if f.FormatVersion == "" {
		return Profile{}, bad(path, "no format_version")
	}
	if len(f.Packages) == 0 {
		return Profile{}, bad(path, "no packages")
	}
	if err := f.check(); err != nil {
		return Profile{}, bad(path, "%w", err)
	}
	accel, err := f.accel()
	if err != nil {
		return Profile{}, bad(path, "%w", err)
	}
	p := Profile{
		Name: f.ProfileID, Path: path, Hash: hex.EncodeToString(sum[:]), Accel: accel,
		TorchIndex: f.TorchIndex, IndexPackages: f.IndexPackages,
		PythonMin: f.Python.Min, PythonMax: f.Python.Max, PythonBest: f.Python.Recommended,
		CC: f.Hardware.CC, Pins: f.Packages, Tested: f.Tested == true,
	}
	if p.Name == "" {
		p.Name = strings.TrimSuffix(filepath.Base(path), ".json")
	}
	if strings.ContainsFunc(p.Name, unicode.IsControl) { // it would write lines of its own into a table
		return Profile{}, bad(path, "its name %q holds a control character", p.Name)
	}
	for name, o := range f.Families {
		if p.Families == nil {
			p.Families = make(map[string]Override, len(f.Families))
		}
		p.Families[name] = Override{Pins: o.Packages, TorchIndex: o.TorchIndex, IndexPackages: o.IndexPackages}
	}
	return p, nil
}

// Has reports whether the profile says how to build the family.
func (p Profile) Has(f Family) bool {
	if _, ok := p.Families[f.Name]; ok {
		return true
	}
	for _, pin := range p.Pins {
		if f.isMain(pin.Name) {
			return true
		}
	}
	return false
}

// For is what the profile pins for one family, and the index that serves it.
func (p Profile) For(f Family) Override {
	o, ok := p.Families[f.Name]
	if !ok {
		return Override{Pins: p.Pins, TorchIndex: p.TorchIndex, IndexPackages: p.IndexPackages}
	}
	if o.TorchIndex == "" {
		o.TorchIndex = p.TorchIndex
	}
	return o
}

// Torch is the version of torch that the family gets, without the local tag;
// "" when it gets none or the profile does not say.
func (p Profile) Torch(f Family) string {
	if !f.hasTorch() {
		return ""
	}
	for _, pin := range p.For(f).Pins {
		if requirement.Normal(pin.Name) == "torch" {
			v, _, _ := strings.Cut(pin.Version, "+")
			return v
		}
	}
	return ""
}

func bad(path, format string, args ...any) error {
	e := fault.New(fault.BadProfile, format, args...)
	e.Text = "profile " + path + ": " + e.Text
	return e.Fix("mend %s, or choose another with --profile NAME (modelrun profiles lists them)", path)
}

// notJSON names the line, counted from 1.
func notJSON(path string, data []byte, err error) error {
	var off int64
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		off = syntax.Offset
	case errors.As(err, &kind):
		off = kind.Offset
	default:
		return bad(path, "%w", err)
	}
	off = min(off, int64(len(data)))
	return bad(path, "line %d: %w", 1+strings.Count(string(data[:off]), "\n"), err)
}

// trimBOM drops the mark that Windows editors put before UTF-8.
func trimBOM(data []byte) []byte {
	if len(data) >= 3 && data[0] == 0xEF && data[1] == 0xBB && data[2] == 0xBF {
		return data[3:]
	}
	return data
}
