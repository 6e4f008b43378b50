package need

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"unicode"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// maxName is longer than any path that Linux takes (PATH_MAX 4096).
const maxName = 4096

func badName(name string) error {
	why := ""
	switch {
	case strings.TrimSpace(name) == "":
		why = "is empty"
	case len(name) > maxName:
		name, why = name[:32]+"…", "is longer than any path"
	case strings.ContainsRune(name, 0):
		why = "holds a NUL"
	default:
		return nil
	}
	return fault.New(fault.BadModel, "model name %q %s", name, why).Fix("name a folder, a file or a hub id: --model org/name")
}

// find says whether name is a file or folder, seen from dir. Anything but
// "there is none" that keeps it from being seen is an error.
func find(name, dir string) (path string, here bool, err error) {
	path = seenFrom(dir, name)
	_, err = os.Stat(path)
	if isAbsent(err) {
		return path, false, nil
	}
	return path, err == nil, err
}

// seenFrom is a name as an absolute path, seen from dir.
func seenFrom(dir, name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(dir, name)
}

// isAbsent counts a path below a file, or one that no file system can hold, as
// not there: a hub id may meet a file called like its organisation.
func isAbsent(err error) bool {
	return fsys.IsMissing(err) || errors.Is(err, syscall.ENAMETOOLONG) ||
		runtime.GOOS == "windows" && errors.Is(err, errInvalidName)
}

// errInvalidName is ERROR_INVALID_NAME: Windows cannot have a file of that name.
const errInvalidName = syscall.Errno(123)

func isDir(name, dir string) bool { return fsys.IsDir(seenFrom(dir, name)) }

// resolved is the path without links, as the app computed its ids. Some Windows
// volumes cannot be resolved: the path itself serves there, as in Python.
func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// looksLikePath reports names that can only be meant as paths, so that a
// mistyped one is never looked for on the hub.
func looksLikePath(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".gguf", ".onnx", ".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".json":
		return true
	}
	return filepath.IsAbs(name) || name[0] == '/' || name[0] == '.' || name[0] == '~' ||
		filepath.VolumeName(name) != "" || runtime.GOOS == "windows" && strings.Contains(name, `\`)
}

func absent(name, path string) error {
	e := fault.New(fault.BadModel, "model %s: no such file or folder", show(path))
	switch {
	case name[0] == '~':
		return e.Fix("only a shell expands ~: write the whole path, --model /home/…")
	case strings.Contains(name, "://"):
		return e.Fix("a model of the hub is named without its address: --model org/name")
	}
	return e.Fix("correct the path, or name a model of the hub: --model org/name")
}

// show is a path as it stands, quoted only when it would break the line.
func show(path string) string {
	if strings.ContainsFunc(path, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(path)
	}
	return path
}
