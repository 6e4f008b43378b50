package uv

import (
	"fmt"
	"strings"

	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/pylock"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// Lock is everything that is installed into an env: each version, with hashes
// and sizes.
type Lock struct {
	Pylock   []byte           // pylock.toml: https://packaging.python.org/en/latest/specifications/pylock-toml/
	Packages []pylock.Package // in the order of pylock.toml
	Python   string           // the base interpreter, absolute
	Relaxed  []Relaxed        // soft pins that were dropped
	Notes    []string         // messages for the user, for example that another index is used
	Download int64            // bytes; -1 if the index gives no sizes
	Pip      string           // a pip wheel to install if the index has no pip, else ""

	cached   map[string]bool           // packages that were in uv's cache before, from any index and for any Python
	index    string                    // default index of the plan alone, or ""; Sync needs its credentials
	direct   []requirement.Requirement // direct references of the plan; Pylock has their secrets
	indexes  []string                  // further indexes of the plan; Sync needs their credentials
	cooldown []string                  // uv's arguments for the cool-down of what a build requires
	build    []requirement.Requirement // packages that a build may import
}

// Relaxed is a soft pin that was replaced by another version, and the reason.
type Relaxed struct{ Name, From, To, Why string }

// String returns the line that is printed once and kept in READY.json.
func (r Relaxed) String() string {
	return fmt.Sprintf("pin %s==%s relaxed to %s: %s", r.Name, r.From, r.To, r.Why)
}

// ParseLock returns the lock that a pylock.toml describes.
func ParseLock(data []byte) (Lock, error) {
	file, err := pylock.Parse(data)
	if err != nil {
		return Lock{}, fmt.Errorf("pylock.toml cannot be read: %w", err)
	}
	l := Lock{Pylock: data, Packages: file.Packages}
	for _, p := range l.Packages {
		if p.Size == 0 && !p.Folder {
			l.Download = -1
		} else if l.Download >= 0 {
			l.Download += p.Size
		}
	}
	return l, nil
}

// masked returns the lock without the secrets of direct references: uv writes them
// into it.
func (l Lock) masked() []byte {
	text := string(l.Pylock)
	for _, r := range l.direct {
		text = strings.ReplaceAll(text, lockedURL(r.URL), lockedURL(r.Location()))
	}
	return []byte(text)
}

// lockedURL returns what uv writes into a lock for the URL of a direct reference:
// without "git+", a git reference and a fragment.
func lockedURL(u string) string {
	u, _, _ = strings.Cut(u, "#")
	u, git := strings.CutPrefix(u, "git+")
	host := strings.Index(u, "://") + len("://")
	path := strings.IndexByte(u[host:], '/')
	if at := strings.LastIndexByte(u, '@'); git && path >= 0 && at > host+path {
		u = u[:at]
	}
	return u
}

// packageHead begins each package of a lock, as uv writes it.
const packageHead = "\n[[packages]]\n"

// split returns the text before the first package, and that of each package. ok is
// false if the lock does not have the form that uv writes.
func (l Lock) split() (parts []string, ok bool) {
	parts = strings.Split(string(l.Pylock), packageHead)
	return parts, len(parts) == len(l.Packages)+1
}

// uncached returns the lock of the packages that were not in the cache, and
// their number. text is "" if the lock does not have the form that uv writes.
func (l Lock) uncached() (text string, n int) {
	parts, ok := l.split()
	if !ok {
		return "", 0
	}
	keep := parts[:1]
	for i, p := range l.Packages {
		if !l.cached[distKey(p.Name, p.Version)] {
			keep = append(keep, parts[i+1])
		}
	}
	return strings.Join(keep, packageHead), len(keep) - 1
}

// Missing returns the bytes of Download that are not in uv's cache yet, going
// by the names in the cache. It returns -1 if the index gives no sizes.
func (l Lock) Missing() int64 {
	missing := l.Download
	for _, p := range l.Packages {
		if missing > 0 && l.cached[distKey(p.Name, p.Version)] {
			missing -= p.Size
		}
	}
	return missing
}

// Version returns the version of a package in the lock, or "".
func (l Lock) Version(name string) string {
	for _, p := range l.Packages {
		if requirement.Normal(p.Name) == requirement.Normal(name) {
			return p.Version
		}
	}
	return ""
}

// sources lists the packages that are built here, or "".
func (l Lock) sources() string {
	var names []string
	for _, p := range l.Packages {
		if p.Source && !p.Direct {
			names = append(names, p.Name+" "+p.Version)
		}
	}
	return strings.Join(names, ", ")
}

// size returns the size of a package in the lock, or 0.
func (l Lock) size(name string) int64 {
	for _, p := range l.Packages {
		if requirement.Normal(p.Name) == requirement.Normal(name) {
			return p.Size
		}
	}
	return 0
}

// project is the name of the generated project. It appears in uv's messages.
const project = "modelrun-env"

// pyproject returns the project that uv resolves. Hard pins are part of the
// requirements. Packages from torch's index get an explicit index.
func pyproject(p profile.Plan) []byte {
	var b strings.Builder
	b.WriteString("# generated by modelrun\n[project]\nname = \"" + project + "\"\nversion = \"0\"\n")
	fmt.Fprintf(&b, "requires-python = %q\n", orAnyPython(pythonRange(p.Python)))
	b.WriteString("dependencies = [\n")
	for _, r := range p.Packages {
		fmt.Fprintf(&b, "    %q,\n", withPin(r, p.Hard))
	}
	for _, r := range p.Extras {
		fmt.Fprintf(&b, "    %q,\n", r.Source())
	}
	b.WriteString("]\n")
	if p.TorchIndex == "" || len(p.FromTorch) == 0 {
		return []byte(b.String())
	}
	fmt.Fprintf(&b, "\n[[tool.uv.index]]\nname = \"torch\"\nurl = %q\nexplicit = true\n\n[tool.uv.sources]\n", p.TorchIndex)
	for _, name := range p.FromTorch {
		fmt.Fprintf(&b, "%s = { index = \"torch\" }\n", name)
	}
	return []byte(b.String())
}

// withPin returns a requirement with its hard pin, if it has one.
func withPin(text string, hard []profile.Pin) string {
	for _, pin := range hard {
		if requirement.Normal(pin.Name) == requirement.NameOf(text) {
			name, _, _ := strings.Cut(text, ";")
			return strings.TrimRight(strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune("=<>!~ ", r) })[0], " ") + "==" + pin.Version
		}
	}
	return text
}

// pythonRange returns ">=3.10,<3.13" for 3.10 to 3.12, or "" for any Python.
func pythonRange(p profile.Python) string {
	var parts []string
	if p.Min != "" {
		parts = append(parts, ">="+p.Min)
	}
	if p.Max != "" {
		parts = append(parts, "<"+nextMinor(p.Max))
	}
	if p.Also != "" {
		parts = append(parts, p.Also)
	}
	return strings.Join(parts, ",")
}

// orAnyPython returns r, or the oldest Python that is accepted if r is "".
func orAnyPython(r string) string {
	if r == "" {
		return ">=3.8"
	}
	return r
}

// nextMinor returns the first version after all of "3.12": "3.13". After
// "3.12.1" it is "3.12.2".
func nextMinor(v string) string {
	parts := strings.Split(v, ".")
	n := 0
	if _, err := fmt.Sscanf(parts[len(parts)-1], "%d", &n); err != nil {
		return v
	}
	parts[len(parts)-1] = fmt.Sprint(n + 1)
	return strings.Join(parts, ".")
}
