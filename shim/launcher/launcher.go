// Package launcher is what a person, a desktop or a service manager starts a
// model program with: a shortcut, a script, a unit. It renders their files and
// reads them back; it starts nothing and knows no environment.
package launcher

// Kind is the sort of file a launcher is. Stable: it is written to records and JSON.
type Kind string

// The kinds.
const (
	Script      Kind = "script"      // a POSIX shell script
	Desktop     Kind = "desktop"     // a freedesktop .desktop entry
	Systemd     Kind = "systemd"     // a systemd unit of the system, or of the user
	Supervisord Kind = "supervisord" // a [program:…] section
	Launchd     Kind = "launchd"     // a macOS property list
	Shortcut    Kind = "lnk"         // a Windows shortcut
	Batch       Kind = "cmd"         // a Windows command file
	Exe         Kind = "exe"         // a copy of modelrun that reads NAME.toml beside it
	NSSM        Kind = "nssm"        // a command file that defines a Windows service with NSSM
)

// Spec is what a launcher starts, and how. All paths are absolute.
type Spec struct {
	Name     string   // a file's name without an extension, as the user wrote it
	Kind     Kind     //
	Program  string   // modelrun, or modelrunw
	Options  []string // modelrun's own, before "--"
	Command  []string // after "--"
	Dir      string   // where the program starts
	Icon     string   // "" none
	Windowed bool     // no console: modelrunw
	Account  string   // who runs it, for services; "" the default
}
