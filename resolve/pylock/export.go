package pylock

import (
	"fmt"
	"net/url"
	"path/filepath"

	"github.com/pelletier/go-toml/v2"

	"github.com/modelrun/modelrun/resolve/fault"
)

// Export returns the lock of an env as a file for others: with the platform and the Python minor version for
// which it holds, and without secrets. uv and pip accept it on that platform, and refuse it on another one.
func (f File) Export(key, python string, on Platform) ([]byte, error) {
	doc := f.doc
	edit(doc, func(_, text string) string { return withoutSecret(text) })
	doc["requires-python"] = "==" + python + ".*"
	doc["environments"] = []string{on.marker()}
	doc["tool"] = map[string]any{"modelrun": map[string]string{"key": key, "python": python, "platform": on.String()}}
	body, err := toml.Marshal(doc)
	return append(fmt.Appendf(nil, "# modelrun export %s: for %s and Python %s\n", key, on, python), body...), err
}

// From returns the lock with absolute paths. Those in the file are relative to dir, its folder.
func (f File) From(dir string) (File, error) {
	changed := false
	edit(f.doc["packages"], func(key, text string) string {
		if key != "path" || filepath.IsAbs(text) {
			return text
		}
		changed = true
		return filepath.Join(dir, filepath.FromSlash(text))
	})
	if !changed {
		return f, nil
	}
	text, err := toml.Marshal(f.doc)
	if err != nil {
		return f, err
	}
	return Parse(text)
}

// secret returns a text of the file that holds a secret, or "".
func (f File) secret() (found string) {
	edit(f.doc, func(_, text string) string {
		if fault.Mask(text) != text {
			found = text
		}
		return text
	})
	return found
}

// withoutSecret returns a URL without a user and a password, and with the secrets of its query masked.
func withoutSecret(text string) string {
	if fault.Mask(text) == text {
		return text
	}
	if u, err := url.Parse(text); err == nil {
		u.User = nil
		text = u.String()
	}
	return fault.Mask(text)
}

// edit replaces every text below a value, in place. change gets the key of the text.
func edit(value any, change func(key, text string) string) {
	switch v := value.(type) {
	case map[string]any:
		for key, below := range v {
			if text, ok := below.(string); ok {
				v[key] = change(key, text)
			} else {
				edit(below, change)
			}
		}
	case []any:
		for i, below := range v {
			if text, ok := below.(string); ok {
				v[i] = change("", text)
			} else {
				edit(below, change)
			}
		}
	case []map[string]any:
		for _, below := range v {
			edit(below, change)
		}
	}
}
