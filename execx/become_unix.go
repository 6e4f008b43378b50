//go:build !windows

package execx

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Become replaces this process by the program with execve. pid, streams,
// descriptors, umask and limits stay the same (Go restores RLIMIT_NOFILE). It
// returns only with a [*StartError]. Then the working directory already is
// p.Dir and p.Keep is inheritable, so the caller should end.
//
// Not guaranteed: Go's runtime keeps an inherited "ignored" for HUP, INT, TSTP,
// TTIN, TTOU and CONT, but loses it for QUIT, USR1, USR2, PIPE and TERM
// (measured).
func Become(p Program) (exitCode int, err error) {
	if p.Dir != "" {
		if err := os.Chdir(p.Dir); err != nil {
			return 0, &StartError{p.Dir, "the working directory cannot be entered: " + describe(err), err}
		}
	}
	for _, fd := range p.Keep {
		if _, err := unix.FcntlInt(fd, unix.F_SETFD, 0); err != nil {
			return 0, &StartError{p.Path, "its lease cannot be handed over: " + describe(err), err}
		}
	}
	err = syscall.Exec(p.Path, p.Argv, p.Env) //nolint:gosec // its purpose is to start the caller's program; there is no shell
	return 0, refused(p.Path, err)
}

// refused returns the reason why execve failed.
func refused(path string, err error) *StartError {
	info, statErr := os.Stat(path)
	switch there := statErr == nil; {
	case there && errors.Is(err, syscall.ENOENT):
		// ENOEXEC, so that the caller does not take this for "not found".
		return &StartError{path, "the interpreter that it names (#! line or ELF loader) does not exist", syscall.ENOEXEC}
	case there && info.IsDir():
		return &StartError{path, "it is a folder", err}
	case there && errors.Is(err, syscall.EACCES) && info.Mode()&0o111 == 0:
		return &StartError{path, "it is not marked as executable", err}
	}
	return &StartError{path, describe(err), err}
}

// describe returns the reason of an error in plain language.
func describe(err error) string {
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
