package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/modelrun/modelrun/execx"
)

const exe = ".exe"

// home returns the variables for a user's folders in dir.
func home(dir string) map[string]string {
	return map[string]string{
		"USERPROFILE":  dir,
		"LOCALAPPDATA": filepath.Join(dir, "AppData", "Local"),
		"APPDATA":      filepath.Join(dir, "AppData", "Roaming"),
		"ProgramData":  filepath.Join(dir, "ProgramData"),
		"ComSpec":      os.Getenv("ComSpec"),
		"PATHEXT":      os.Getenv("PATHEXT"),
		"SystemRoot":   os.Getenv("SystemRoot"),
		"TEMP":         os.Getenv("TEMP"),
	}
}

// atPrompt gives this process a console, as at a prompt. Without one, each program
// costs the start of another process, which has no window.
func atPrompt() { execx.OpenConsole() }

// machine returns the files of a machine with these NVIDIA GPUs.
func machine(driver string, cards ...card) map[string]string {
	return map[string]string{"nvidia-smi.csv": strings.ReplaceAll(smiTable(driver, cards), "\n", "\r\n")}
}

// run runs a command of a script. It then prints the command's output again with
// slashes for backslashes and without carriage returns, so that one script works on
// every system.
func run(ts *testscript.TestScript, name string, args ...string) error {
	err := ts.Exec(name, args...)
	replay := []string{"replay"}
	for _, stream := range []string{"stdout", "stderr"} {
		text := strings.NewReplacer("\r", "", `\\`, "/", `\`, "/").Replace(ts.ReadFile(stream))
		file := ts.Getenv("WORK") + "." + stream
		ts.Check(os.WriteFile(file, []byte(text), 0o600))
		replay = append(replay, file)
	}
	self, e := os.Executable()
	ts.Check(e)
	ts.Check(ts.Exec(self, replay...))
	return err
}

// acted reports whether this process was started to act a part, and acts it:
// "replay" prints the files that run names. "attach" waits until a process has a
// console; then "press" types Enter in it. "interrupt" types Ctrl-C in the console
// of a process that it started. "screen" prints what a command shows in a console.
// "uv" acts as a uv that waits for a console.
func acted() bool {
	switch {
	case len(os.Args) == 4 && os.Args[1] == "replay":
		for i, stream := range []*os.File{os.Stdout, os.Stderr} {
			text, err := os.ReadFile(os.Args[2+i])
			if err == nil {
				_, err = stream.Write(text)
			}
			if err != nil {
				panic(err)
			}
		}
	case len(os.Args) == 3 && (os.Args[1] == "attach" || os.Args[1] == "press" || os.Args[1] == "interrupt"):
		pid, err := strconv.Atoi(os.Args[2])
		if err != nil {
			panic(err)
		}
		if os.Args[1] == "interrupt" {
			interrupt(uint32(pid))
			return true
		}
		attach(uintptr(pid))
		if os.Args[1] == "press" {
			pressEnter()
		}
	case len(os.Args) > 3 && os.Args[1] == "screen":
		showScreen(os.Args[2] == "obeys", os.Args[3:])
	case os.Getenv("TEST_PART") == "uv":
		os.Exit(uvThatWaits())
	default:
		return false
	}
	return true
}

// copyTreeAsIs copies the content of a folder into another one, with its times.
func copyTreeAsIs(from, to string) error {
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return errors.Join(err, os.MkdirAll(to+path[len(from):], 0o755))
		}
		data, err := os.ReadFile(path)
		return errors.Join(err, os.WriteFile(to+path[len(from):], data, 0o755))
	})
	if err != nil {
		return err
	}
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error { // set a folder's time after its content is complete
		if err != nil {
			return err
		}
		info, err := e.Info()
		return errors.Join(err, os.Chtimes(to+path[len(from):], info.ModTime(), info.ModTime()))
	})
}
