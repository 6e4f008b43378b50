package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/modelrun/modelrun/resolve/profile"
)

// file is a built-in profile as JSON, with every field in the order in which it is
// written. People write all of it but the versions, "without", "verified" and the
// Pythons of an entry.
type file struct {
	FormatVersion string   `json:"format_version"`
	ProfileID     string   `json:"profile_id"`
	Architecture  string   `json:"architecture"`
	Accelerator   string   `json:"accelerator"`
	CUDAVersion   string   `json:"cuda_version,omitempty"`
	Description   string   `json:"description"`
	Python        *python  `json:"python_version"`
	TorchIndex    string   `json:"torch_index,omitempty"`
	IndexPackages []string `json:"index_packages,omitempty"`
	Hardware      struct {
		CC []string `json:"compute_capability"`
	} `json:"hardware"`
	versions
	Families map[string]*entry `json:"families"` // written in the order of their names
	Tested   bool              `json:"tested"`
	Notes    string            `json:"notes"`
}

// entry is what a profile has for one family.
type entry struct {
	Python        *python  `json:"python_version,omitempty"`
	TorchIndex    string   `json:"torch_index,omitempty"`
	IndexPackages []string `json:"index_packages,omitempty"`
	versions
}

// versions are the versions of an entry, the packages that it leaves out, and how far
// it was checked.
type versions struct {
	Packages pins             `json:"packages"`
	Without  []string         `json:"without,omitempty"`
	Verified profile.Verified `json:"verified"`
}

// python is a range of Pythons. "" is the profile's.
type python struct {
	Min         string `json:"min,omitempty"`
	Max         string `json:"max,omitempty"`
	Recommended string `json:"recommended,omitempty"`
}

// pins keeps the order of a JSON object.
type pins []profile.Pin

// UnmarshalJSON reads {"name": "version", …}.
func (p *pins) UnmarshalJSON(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	if _, err := dec.Token(); err != nil {
		return err
	}
	*p = pins{}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		var version string
		if err := dec.Decode(&version); err != nil {
			return err
		}
		*p = append(*p, profile.Pin{Name: fmt.Sprint(name), Version: version})
	}
	return nil
}

// MarshalJSON writes what UnmarshalJSON reads.
func (p pins) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, pin := range p {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:%q", pin.Name, pin.Version)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// version returns the version of a package without its local tag, or "".
func (p pins) version(name string) string {
	for _, pin := range p {
		if pin.Name == name {
			v, _, _ := strings.Cut(pin.Version, "+")
			return v
		}
	}
	return ""
}

// names returns the packages in order.
func (p pins) names() (names []string) {
	for _, pin := range p {
		names = append(names, pin.Name)
	}
	return names
}

// readFile reads a profile. A field that is not known would be lost, and is an error.
func readFile(path string) (*file, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var f file
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &f, nil
}

// bytes returns the profile as it is written. The same profile gives the same bytes.
func (f *file) bytes() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(f)
	return b.Bytes(), err
}
