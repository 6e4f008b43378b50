package fsys

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/modelrun/modelrun/resolve/fault"
)

// Cause returns err without the path that an [fs.PathError] adds, for messages that
// already name the path.
func Cause(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// Fault returns err as the user sees it: the fault that it wraps, or a system
// error about a file of ours with a remedy.
func Fault(err error) *fault.Error {
	var f *fault.Error
	if errors.As(err, &f) {
		return f
	}
	say := func(code fault.Code, remedy string) *fault.Error { return fault.New(code, "%w", err).Fix("%s", remedy) }
	switch {
	case NoSpace(err):
		return say(fault.NoSpace, "free some space there, or use another disk: modelrun --root DIR …")
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return say(fault.NotWritable, "use a root that you can write: modelrun --root DIR …   # or have its owner run the same command")
	case errors.Is(err, syscall.EIO):
		return say(fault.Internal, "the disk fails: look at the system's log (dmesg), or use another disk: modelrun --root DIR …")
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return say(fault.Internal, "allow more open files: ulimit -n 1024")
	case errors.Is(err, syscall.EFBIG):
		return say(fault.Internal, "allow larger files: ulimit -f unlimited")
	case errors.Is(err, syscall.EXDEV):
		return say(fault.BadRoot, "keep all of .envs on one disk: replace the links in it by folders")
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR):
		return say(fault.BadRoot, "move what lies there out of the way: it is not modelrun's")
	}
	return say(fault.Internal, "")
}
