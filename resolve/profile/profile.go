// Package profile reads hardware profiles and families. A profile defines the
// versions, the CUDA build and the index for a GPU generation. A family defines
// what a kind of model needs.
package profile

import (
	"cmp"
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

// maxSize limits the size of a profile; real ones have 2 KiB.
const maxSize = 1 << 20

// defaultIndex is the torch_index of a family whose torch comes from the default
// index, in a profile that has an index of its own.
const defaultIndex = "default"

const tooLarge = "larger than 1 MiB"

// Pin fixes the version of one package.
type Pin struct{ Name, Version string }

// Profile is a hardware profile.
type Profile struct {
	Name          string              // profile_id, or the file's name
	Path          string              // "" for a built-in profile
	Hash          string              // SHA-256 of the file, in hexadecimal
	Accel         string              // "cu118" … "cpu"
	TorchIndex    string              // URL; may be ""
	IndexPackages []string            // further packages that come from TorchIndex
	Python        Python              // Also is ""
	CC            []string            // compute capabilities or gfx targets that it was made for
	Pins          []Pin               // in the order of the file
	Without       []string            // packages that Pins leave out: see Override
	Verified      Verified            // of Pins
	Tested        bool                // it was tested on such a GPU
	Families      map[string]Override // exceptions by family
}

// Override is the part of a profile for a single family. Its pins replace the
// profile's: vLLM needs its own version of torch.
type Override struct {
	Pins          []Pin    // instead of the profile's
	TorchIndex    string   // "" for the profile's
	IndexPackages []string // further packages that come from the index
	Without       []string // packages of the family that it leaves out, because no version of them follows its torch
	Python        Python   // "" for the profile's; Also is ""
	Verified      Verified // of Pins
}

// Verified says how far the versions of an entry were checked. "make profiles"
// writes it. A profile that somebody else wrote has none.
type Verified struct {
	Level  Level  `json:"level"`
	Date   string `json:"date"`   // of the check, or of the versions if there was none: "2026-11-30"
	Source string `json:"source"` // the index that gave the versions
}

// Level is how far the versions of an entry were checked.
type Level string

// The levels of Verified. "" means that nothing is recorded.
const (
	Imported   Level = "imported" // an env was made of them, its probe passed, and every package of theirs was imported
	Resolved   Level = "resolved" // the index has them, and they fit together
	Unverified Level = "no"
)

// String returns "versions of 2026-11-30, imported", or "" if nothing is recorded.
func (v Verified) String() string {
	switch v.Level {
	case "":
		return ""
	case Unverified:
		return "versions of " + v.Date + ", not verified"
	case Imported, Resolved:
	}
	return "versions of " + v.Date + ", " + string(v.Level)
}

// file is a profile as JSON. It lacks fields that only the app needs. The app
// in turn ignores our fields: accelerator, index_packages and families.
type file struct {
	FormatVersion string     `json:"format_version"`
	ProfileID     string     `json:"profile_id"`
	Accelerator   string     `json:"accelerator"`
	CUDAVersion   string     `json:"cuda_version"`
	TorchIndex    string     `json:"torch_index"`
	Python        filePython `json:"python_version"`
	Hardware      struct {
		CC []string `json:"compute_capability"`
	} `json:"hardware"`
	IndexPackages []string                `json:"index_packages"`
	Packages      pins                    `json:"packages"`
	Without       []string                `json:"without"`
	Verified      Verified                `json:"verified"`
	Families      map[string]fileOverride `json:"families"`
	Tested        any                     `json:"tested"` // true, false, "in_progress"
}

// fileOverride is an Override as JSON.
type fileOverride struct {
	Packages      pins       `json:"packages"`
	TorchIndex    string     `json:"torch_index"`
	IndexPackages []string   `json:"index_packages"`
	Without       []string   `json:"without"`
	Verified      Verified   `json:"verified"`
	Python        filePython `json:"python_version"`
}

// filePython is a range of Pythons as JSON.
type filePython struct {
	Min         string `json:"min"`
	Max         string `json:"max"`
	Recommended string `json:"recommended"`
}

func (p filePython) python() Python { return Python{Min: p.Min, Max: p.Max, Best: p.Recommended} }

// Parse reads a profile. path names it in errors, and provides the name if the
// file has no profile_id; the file is not opened. Every error is a BadProfile.
//
// Unknown fields are ignored. Names, versions and the index are limited to safe
// characters, so that none of them can end a requirement early.
func Parse(path string, data []byte) (Profile, error) {
	if len(data) > maxSize {
		return Profile{}, badProfile(path, tooLarge)
	}
	sum := sha256.Sum256(data)
	text := trimBOM(data)
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		return Profile{}, notJSON(path, text, err)
	}
	if f.FormatVersion == "" {
		return Profile{}, badProfile(path, "no format_version")
	}
	if len(f.Packages) == 0 {
		return Profile{}, badProfile(path, "no packages")
	}
	if err := f.check(); err != nil {
		return Profile{}, badProfile(path, "%w", err)
	}
	accel, err := f.accel()
	if err != nil {
		return Profile{}, badProfile(path, "%w", err)
	}
	p := Profile{
		Name: f.ProfileID, Path: path, Hash: hex.EncodeToString(sum[:]), Accel: accel,
		TorchIndex: f.TorchIndex, IndexPackages: f.IndexPackages,
		Python: f.Python.python(),
		CC:     f.Hardware.CC, Pins: f.Packages, Without: f.Without, Verified: f.Verified, Tested: f.Tested == true,
	}
	if p.Name == "" {
		p.Name = strings.TrimSuffix(filepath.Base(path), ".json")
	}
	if strings.ContainsFunc(p.Name, unicode.IsControl) { // it could add lines to a table
		return Profile{}, badProfile(path, "its name %q holds a control character", p.Name)
	}
	for name, o := range f.Families {
		if p.Families == nil {
			p.Families = make(map[string]Override, len(f.Families))
		}
		p.Families[name] = Override{
			Pins: o.Packages, TorchIndex: o.TorchIndex, IndexPackages: o.IndexPackages, Without: o.Without, Verified: o.Verified,
			Python: o.Python.python(),
		}
	}
	return p, nil
}

// Has reports whether the profile defines how to build the family. A profile
// without an entry for line 5 of transformers has only the line of its own pin.
func (p Profile) Has(f Family) bool {
	if !f.Serves(p.Accel) {
		return false
	}
	if _, ok := p.Families[f.Name]; ok {
		return true
	}
	for _, pin := range p.Pins {
		if f.pins(pin) {
			return true
		}
	}
	return false
}

// For returns the pins, the index and the Pythons for one family.
func (p Profile) For(f Family) Override {
	o, ok := p.Families[f.Name]
	if !ok {
		o = Override{Pins: p.Pins, IndexPackages: p.IndexPackages, Without: p.Without, Verified: p.Verified}
	}
	o.TorchIndex = cmp.Or(o.TorchIndex, p.TorchIndex)
	o.Python.Min = cmp.Or(o.Python.Min, p.Python.Min)
	o.Python.Max = cmp.Or(o.Python.Max, p.Python.Max)
	o.Python.Best = cmp.Or(o.Python.Best, p.Python.Best)
	if o.TorchIndex == defaultIndex {
		o.TorchIndex = ""
	}
	if m := f.least(o.Pins); f.line == 5 && requirement.CompareReleases(o.Python.Min, m.python) < 0 {
		o.Python.Min = m.python
	}
	return o
}

// notes returns one line if packages of the family are left out.
func (o Override) notes() []string {
	if len(o.Without) == 0 {
		return nil
	}
	return []string{"without " + strings.Join(o.Without, ", ") + ": no version follows its torch"}
}

// tooOld returns why the versions of an entry, or its Pythons, are too old for what
// the family is for, or "". Such an env can be made, and is of no use: transformers
// then says that there is no torch.
func (p Profile) tooOld(f Family) string {
	o := p.For(f)
	m := f.least(o.Pins)
	switch torch := p.Torch(f); {
	case m == (least{}):
	case torch != "" && requirement.CompareReleases(torch, m.torch) < 0:
		return "transformers " + m.since + " needs torch " + m.torch + " or newer, and it has torch " + torch
	case o.Python.Max != "" && requirement.CompareReleases(o.Python.Max, m.python) < 0:
		return "transformers " + m.since + " needs Python " + m.python + " or newer, and it has Python up to " + o.Python.Max
	}
	return ""
}

// Torch returns the version of torch for the family, without the local tag. It
// is "" if the family has no torch or the profile does not pin it.
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

// badProfile returns a BadProfile error for a file.
func badProfile(path, format string, args ...any) error {
	e := fault.New(fault.BadProfile, format, args...)
	e.Text = "profile " + path + ": " + e.Text
	return e.Fix("correct %s, or choose another with --profile NAME: modelrun profiles", path)
}

// notJSON returns an error with the line of the mistake, counted from 1.
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
		return badProfile(path, "%w", err)
	}
	off = min(off, int64(len(data)))
	return badProfile(path, "line %d: %w", 1+strings.Count(string(data[:off]), "\n"), err)
}

// trimBOM removes the byte order mark that Windows editors write.
func trimBOM(data []byte) []byte {
	if len(data) >= 3 && data[0] == 0xEF && data[1] == 0xBB && data[2] == 0xBF {
		return data[3:]
	}
	return data
}
