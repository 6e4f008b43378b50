package target

import (
	"cmp"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/shim/config"
)

// hubDir returns the local cache of the Hugging Face hub, where huggingface_hub looks
// for it (its constants.py, which also takes a variable that is set to nothing). base
// is the working directory.
func hubDir(env execx.Environ, base string) string {
	dir := filepath.Join(or(env, "XDG_CACHE_HOME", filepath.Join("~", ".cache")), "huggingface")
	dir = expand(or(env, "HF_HOME", dir), env)
	dir = or(env, "HUGGINGFACE_HUB_CACHE", filepath.Join(dir, "hub"))
	return fsys.Absolute(expand(or(env, "HF_HUB_CACHE", dir), env), base)
}

// or returns the value of a variable, or another text if it is not set.
func or(env execx.Environ, name, other string) string {
	if v, ok := env.Lookup(name); ok {
		return v
	}
	return other
}

// expand replaces a ~ at the start of a path, and variables that are set: $NAME and
// ${NAME}, on Windows also %NAME%. It does what Python's expanduser and expandvars do,
// except for ~NAME, the home of another user.
func expand(path string, env execx.Environ) string {
	if rest, ok := strings.CutPrefix(path, "~"); ok && (rest == "" || rest[0] == '/' || rest[0] == filepath.Separator) {
		path = cmp.Or(config.Home(env), "~") + rest
	}
	var out strings.Builder
	for path != "" {
		name, length := variable(path)
		if value, ok := env.Lookup(name); ok && name != "" {
			out.WriteString(value)
		} else {
			length = 1
			out.WriteByte(path[0])
		}
		path = path[length:]
	}
	return out.String()
}

// variable returns the name of the variable with which a text begins, and the bytes
// that it takes, or "".
func variable(text string) (name string, length int) {
	switch rest := text[1:]; {
	case text[0] == '%' && runtime.GOOS == "windows":
		name, _, _ = strings.Cut(rest, "%")
		return name, min(len(name)+2, len(text))
	case text[0] != '$':
	case strings.HasPrefix(rest, "{"):
		name, _, ok := strings.Cut(rest[1:], "}")
		if ok {
			return name, len(name) + len("${}")
		}
	default:
		end := strings.IndexFunc(rest, func(r rune) bool {
			return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
		})
		if end < 0 {
			end = len(rest)
		}
		return rest[:end], end + 1
	}
	return "", 0
}
