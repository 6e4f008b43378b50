package profile

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/modelrun/modelrun/resolve/requirement"
)

// pins keeps the order of a JSON object, unlike a map. Earlier pins win when
// later ones contradict them.
type pins []Pin

// UnmarshalJSON reads {"name": "version", …}. A version may also be "==1.0". It
// returns an error for a name that occurs twice, because JSON readers disagree on
// which value counts.
func (p *pins) UnmarshalJSON(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	open, err := dec.Token()
	if err != nil {
		return err
	}
	if open == nil {
		return nil
	}
	if open != json.Delim('{') {
		return fmt.Errorf("packages is not an object")
	}
	seen := map[string]bool{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return err
		}
		value, err := dec.Token()
		if err != nil {
			return err
		}
		name, _ := key.(string)
		version, ok := value.(string)
		if !ok {
			return fmt.Errorf("package %q: its version is not a string", name)
		}
		pin := Pin{Name: name, Version: strings.TrimSpace(strings.TrimPrefix(version, "=="))}
		if err := pin.check(); err != nil {
			return err
		}
		if seen[requirement.Normal(name)] {
			return fmt.Errorf("package %q stands there twice", name)
		}
		seen[requirement.Normal(name)] = true
		*p = append(*p, pin)
	}
	return nil
}

// check returns an error for a pin that is not a package name with one version.
func (p Pin) check() error {
	if !isName(p.Name) {
		return fmt.Errorf("package %q: not a package name", p.Name)
	}
	if p.Version == "" || strings.Trim(p.Version, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.+!*_-") != "" {
		return fmt.Errorf("package %q: %q is not one version", p.Name, p.Version)
	}
	return nil
}

// isName reports whether s is a valid name of a distribution:
// https://packaging.python.org/specifications/name-normalization/
func isName(s string) bool {
	if s == "" || len(s) > 100 || !alnum(s[0]) || !alnum(s[len(s)-1]) {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !alnum(s[i]) && s[i] != '.' && s[i] != '_' && s[i] != '-' {
			return false
		}
	}
	return true
}

func alnum(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// check validates everything else that becomes part of a requirement or a command.
func (f *file) check() error {
	if err := f.Python.check(); err != nil {
		return err
	}
	if err := checkIndex(f.TorchIndex, f.IndexPackages); err != nil {
		return err
	}
	for name, o := range f.Families {
		if o.TorchIndex == defaultIndex {
			o.TorchIndex = ""
		}
		if err := cmp.Or(checkIndex(o.TorchIndex, o.IndexPackages), o.Python.check()); err != nil {
			return fmt.Errorf("families.%s: %w", name, err)
		}
	}
	return nil
}

// check validates the versions of a range.
func (p filePython) check() error {
	for _, v := range [...]string{p.Min, p.Max, p.Recommended} {
		if v != "" && !isPython(v) {
			return fmt.Errorf("python_version %q is not like 3.12", v)
		}
	}
	return nil
}

// checkIndex validates an index and the packages that come from it.
func checkIndex(index string, names []string) error {
	for _, n := range names {
		if !isName(n) {
			return fmt.Errorf("index_packages %q: not a package name", n)
		}
	}
	if index == "" {
		return nil
	}
	u, err := url.Parse(index)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "file" || strings.ContainsAny(index, "\"'\\ ") {
		return fmt.Errorf("torch_index %q is not an https://, http:// or file:// URL", index)
	}
	return nil
}

// isPython reports whether s is a version like 3.12 or 3.12.4.
func isPython(s string) bool {
	parts := strings.Split(s, ".")
	if len(parts) < 2 || len(parts) > 3 {
		return false
	}
	for _, p := range parts {
		if !digits(p) || len(p) > 3 {
			return false
		}
	}
	return true
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
