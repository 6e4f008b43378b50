//go:build !windows

package execx

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Become replaces this process by the program with execve: same pid, streams,
// descriptors, umask and limits (Go restores RLIMIT_NOFILE). It returns only
// with a [*StartError], and then the working directory is p.Dir already and
// p.Keep is inheritable: the caller is expected to end.
//
// Not guaranteed: Go's runtime keeps an inherited "ignored" for HUP, INT, TSTP,
// TTIN, TTOU and CONT, and loses it for QUIT, USR1, USR2, PIPE and TERM
// (measured).
func Become(p Program) (exitCode int, err error) {
	if p.Dir != "" {
		if err := os.Chdir(p.Dir); err != nil {
			return 0, &StartError{p.Dir, "the working directory cannot be entered: " + words(err), err}
		}
	}
	for _, fd := range p.Keep {
		if _, err := unix.FcntlInt(fd, unix.F_SETFD, 0); err != nil {
			return 0, &StartError{p.Path, "its lease cannot be handed over: " + words(err), err}
		}
	}
	err = syscall.Exec(p.Path, p.Argv, p.Env) //nolint:gosec // to start what the caller names is what it is for; no shell takes part
	return 0, refused(p.Path, err)
}

// refused says why execve did not take a program.
func refused(path string, err error) *StartError {
	info, statErr := os.Stat(path)
	switch there := statErr == nil; {
	case there && errors.Is(err, syscall.ENOENT):
		// ENOEXEC: the caller must not read "not found" out of this.
		return &StartError{path, "the interpreter that it names (#! line or ELF loader) does not exist", syscall.ENOEXEC}
	case there && info.IsDir():
		return &StartError{path, "it is a folder", err}
	case there && errors.Is(err, syscall.EACCES) && info.Mode()&0o111 == 0:
		return &StartError{path, "it is not marked as executable", err}
	}
	return &StartError{path, words(err), err}
}

func words(err error) string {
	switch {
	case errors.Is(err, syscall.ENOEXEC):
		return "it is neither a program for this machine nor a script with a #! line"
	case errors.Is(err, syscall.E2BIG):
		return "the arguments and the environment are too long for this system"
	case errors.Is(err, syscall.EACCES):
		return "permission denied (its mode, a folder above it, or a disk mounted noexec)"
	case errors.Is(err, syscall.ETXTBSY):
		return "somebody is writing to it (text file busy)"
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	return err.Error()
}
