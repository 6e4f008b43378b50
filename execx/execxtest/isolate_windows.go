package execxtest

import "path/filepath"

const (
	exe     = ".exe"
	python3 = "python.exe"
)

// system are the system's variables that are kept.
var system = []string{
	"SystemRoot", "SystemDrive", "windir", "ComSpec", "PATHEXT", "TEMP", "TMP", "OS", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE",
	"PROCESSOR_IDENTIFIER", "ProgramFiles", "ProgramFiles(x86)", "ProgramW6432", "CommonProgramFiles", "ProgramData", "ALLUSERSPROFILE", "PUBLIC",
	"COMPUTERNAME", "USERNAME", "USERDOMAIN", "CI", "UPDATE_SCRIPTS",
}

// homes are the variables that name a user's own folders.
var homes = []string{"USERPROFILE", "APPDATA", "LOCALAPPDATA"}

// without omits the whole folder: links need a privilege on Windows.
func without(string, string, func(string) bool) []string { return nil }

// pythonDir returns the interpreter's own folder.
func pythonDir(python, _ string) string { return filepath.Dir(python) }

// closeOnExec does nothing: on Windows only listed handles are inherited.
func closeOnExec() {}
