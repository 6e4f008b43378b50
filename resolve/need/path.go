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

// maxName is the longest path that Linux accepts (PATH_MAX 4096).
const maxName = 4096

// checkName returns an error for names that cannot be a path or a hub id.
func checkName(name string) error {
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

// find reports whether name, relative to dir, is a file or folder. Any failure
// other than "does not exist" is an error.
func find(name, dir string) (path string, here bool, err error) {
	path = seenFrom(dir, name)
	_, err = os.Stat(path)
	if isAbsent(err) {
		return path, false, nil
	}
	return path, err == nil, err
}

// seenFrom returns name as an absolute path; dir is the base of a relative one.
func seenFrom(dir, name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(dir, name)
}

// isAbsent reports whether an error means that a path does not exist. That
// includes a path below a file and one that no file system can hold: a hub id
// may start with the name of a file.
func isAbsent(err error) bool {
	return fsys.IsMissing(err) || errors.Is(err, syscall.ENAMETOOLONG) ||
		runtime.GOOS == "windows" && errors.Is(err, errInvalidName)
}

// errInvalidName is ERROR_INVALID_NAME: no file on Windows can have that name.
const errInvalidName = syscall.Errno(123)

func isDir(name, dir string) bool { return fsys.IsDir(seenFrom(dir, name)) }

// resolved returns the path without links, from which the app computes its ids.
// Some Windows volumes do not support this; as in Python, the path itself is
// used there.
func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// looksLikePath reports whether a name can only be a path, so that a mistyped
// path is not taken for a hub id.
func looksLikePath(name string) bool {
	return isWeights(name) || hasExt(name, ".json") || filepath.IsAbs(name) || name[0] == '/' || name[0] == '.' || name[0] == '~' ||
		filepath.VolumeName(name) != "" || runtime.GOOS == "windows" && strings.Contains(name, `\`)
}

// notFound returns the error for a name that is neither a path nor a hub id.
func notFound(name, path string) error {
	if err := badLink(path, syscall.ENOENT); err != nil {
		return err
	}
	e := fault.New(fault.BadModel, "model %s: no such file or folder", show(path))
	switch {
	case name[0] == '~':
		return e.Fix("only a shell expands ~: write the whole path, --model /home/…")
	case strings.Contains(name, "://"):
		return e.Fix("a model of the hub is named without its address: --model org/name")
	}
	return e.Fix("correct the path, or name a model of the hub: --model org/name")
}

// badLink returns the error for a path that could not be opened because it is a link
// that leads to nothing or to itself. For any other path it returns nil.
func badLink(path string, err error) error {
	target, notLink := os.Readlink(path)
	switch {
	case notLink != nil:
		return nil
	case errors.Is(err, syscall.ELOOP), runtime.GOOS == "windows" && errors.Is(err, errLoop):
		return fault.New(fault.BadModel, "model %s is a link that leads back to itself, over %s", show(path), show(target)).
			Fix("let that link lead to the model's file or folder, or name another model with --model")
	case isAbsent(err):
		return fault.New(fault.BadModel, "model %s is a link to %s, which does not exist", show(path), show(target)).
			Fix("download the model's files again, or name another model with --model")
	}
	return nil
}

// errLoop is ERROR_CANT_RESOLVE_FILENAME.
const errLoop = syscall.Errno(1921)

// show returns a path as it is. It quotes a path that would break the line.
func show(path string) string {
	if strings.ContainsFunc(path, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(path)
	}
	return path
}
