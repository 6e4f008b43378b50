package execx

import (
	"errors"
	"os"
	"os/exec"
)

// Become starts the program, waits for it and returns its exit code. Windows
// has no exec.
//
// Keep is not passed on: the lease is ours, and we live as long as the program
// does, unless somebody ends us alone.
//
// Not guaranteed yet: what an invisible parent needs (job at birth, console
// events, inherited handles, show-window) is not done here; see docs/windows.md.
func Become(p Program) (exitCode int, err error) {
	cmd := &exec.Cmd{Path: p.Path, Args: p.Argv, Env: p.Env, Dir: p.Dir, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr} //nolint:forbidigo // the program's own
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	if err != nil {
		return 0, &StartError{p.Path, err.Error(), err}
	}
	return 0, nil
}
