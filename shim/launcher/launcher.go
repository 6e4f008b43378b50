// Package launcher manages the files with which a user, a desktop or a service
// manager starts a model program: shortcuts, scripts, units. It renders them,
// keeps a record of each and checks that they are still valid. It starts
// nothing and knows nothing about environments.
package launcher

import (
	"io/fs"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
)

// Kind is the type of a launcher's file. The values are stable: records and
// JSON contain them.
type Kind string

// The kinds of launchers.
const (
	Script      Kind = "script"      // a POSIX shell script
	Desktop     Kind = "desktop"     // a freedesktop .desktop entry
	Systemd     Kind = "systemd"     // a systemd unit, of the system or of a user
	Supervisord Kind = "supervisord" // a [program:…] section
	Launchd     Kind = "launchd"     // a macOS property list
	Shortcut    Kind = "lnk"         // a Windows shortcut
	Batch       Kind = "cmd"         // a Windows command file
	Exe         Kind = "exe"         // a copy of modelrun that reads NAME.toml next to it
	NSSM        Kind = "nssm"        // a command file that defines a Windows service with NSSM
)

// Spec defines what a launcher starts. All paths are absolute.
type Spec struct {
	Name     string   `json:"name"`     // a file's name without extension, as the user wrote it
	Kind     Kind     `json:"kind"`     // the type of its file
	Program  string   `json:"program"`  // modelrun, or modelrunw
	Options  []string `json:"options"`  // modelrun's options, before "--"; one with a value is one word: --model=/srv/llama
	Command  []string `json:"command"`  // after "--"
	Dir      string   `json:"dir"`      // the program's working directory
	Icon     string   `json:"icon"`     // path of an icon; may be ""
	Windowed bool     `json:"windowed"` // no console: modelrunw
	Account  string   `json:"account"`  // the account of a service; "" for the default
	System   bool     `json:"system"`   // a systemd unit of the system, not of the user
}

// File is one file of a launcher: its content, or the program of which it is a
// copy.
type File struct {
	Name string      // without folder
	Data []byte      // its content
	Copy string      // path to copy, instead of Data
	Mode fs.FileMode // its permissions
}

// traits describes a kind: how its files are rendered, and the options that it
// supports.
type traits struct {
	kind     Kind
	render   func(Spec) ([]File, error)
	icon     bool
	windowed bool
	account  bool
}

// Default returns the default kind of this system.
func Default() Kind { return kinds[0].kind }

// Kinds returns the kinds that this system supports.
func Kinds() []Kind {
	out := make([]Kind, len(kinds))
	for i, t := range kinds {
		out[i] = t.kind
	}
	return out
}

// traitsOf returns the traits of a kind; render is nil if this system lacks it.
func traitsOf(k Kind) traits {
	for _, t := range kinds {
		if t.kind == k {
			return t
		}
	}
	return traits{kind: k}
}

// Validate returns an error for a launcher that cannot be rendered: its name is not
// valid on every system, this system does not support its kind, or its kind does
// not support an option. It does not read any files.
func Validate(s *Spec) error {
	if why := nameProblem(s.Name); why != "" {
		return fault.New(fault.BadUsage, "launcher name %q %s", s.Name, why).Fix("choose another name, for example: chat")
	}
	if have := Kinds(); !slices.Contains(have, s.Kind) {
		var names []string
		for _, k := range have {
			names = append(names, string(k))
		}
		return fault.New(fault.BadUsage, "--kind %s is not one that this system can start", s.Kind).Fix("kinds here are %s", strings.Join(names, ", "))
	}
	t := traitsOf(s.Kind)
	for _, o := range []struct {
		option     string
		given, has bool
	}{{"--icon", s.Icon != "", t.icon}, {"--windowed", s.Windowed, t.windowed}, {"--account", s.Account != "", t.account}, {"--system", s.System, s.Kind == Systemd}} {
		if o.given && !o.has {
			return fault.New(fault.BadUsage, "%s means nothing to a launcher of kind %s", o.option, s.Kind).Fix("leave it out")
		}
	}
	switch {
	case s.System && s.Account == "":
		return fault.New(fault.BadUsage, "--system: who runs the service is not said").Fix("name an account that may read the model: --account NAME")
	case s.Kind == Systemd && s.Account != "" && !s.System:
		return fault.New(fault.BadUsage, "--account: a user's unit runs as that user").Fix("for a unit of the system add --system; else leave --account out")
	case len(s.Command) == 0 || s.Command[0] == "":
		return fault.New(fault.BadUsage, "no command is given for launcher %s", s.Name).Fix("modelrun launcher add %s -- python script.py", fault.Quote(s.Name))
	}
	return nil
}

// Ours reports whether a program with this name, without extension and in any
// case, is modelrun itself.
func Ours(name string) bool {
	return strings.EqualFold(name, "modelrun") || strings.EqualFold(name, "modelrunw")
}

// Render returns the files of a launcher. It does not write them. An error is a
// *fault.Error: the kind cannot represent a part of the command.
func Render(s Spec) ([]File, error) {
	t := traitsOf(s.Kind)
	if t.render == nil { // the record is from another system
		return nil, fault.New(fault.BadUsage, "launcher %s is of kind %s, which this system cannot start", s.Name, s.Kind).Fix("modelrun launcher remove %s", fault.Quote(s.Name))
	}
	if Ours(s.Name) && (s.Kind == Script || s.Kind == Batch || s.Kind == Exe) {
		return nil, fault.New(fault.BadUsage, "a program called %s is modelrun itself", s.Name).Fix("choose another name, for example: chat")
	}
	return t.render(s)
}

// argv returns the whole command line of a start.
func (s *Spec) argv() []string {
	return append(append(append([]string{s.Program}, s.Options...), "--"), s.Command...)
}

// unsupported returns the error for a value that a kind cannot represent.
func unsupported(s Spec, what, value, why string) error {
	return fault.New(fault.BadUsage, "a launcher of kind %s cannot hold %s %q: %s", s.Kind, what, value, why).
		Fix("rename it, or write a launcher of kind script and start that: --kind script")
}

// checkPlainText returns an error for words that no text file of a kind can
// represent: bytes that are not UTF-8, and control characters. more lists further
// forbidden characters.
func checkPlainText(s Spec, more string) error {
	for i, word := range append(s.argv(), s.Dir, s.Icon) {
		what := "the word"
		if i == len(s.argv()) {
			what = "the folder"
		}
		if why := plainTextProblem(word, more); why != "" {
			return unsupported(s, what, word, why)
		}
	}
	return nil
}
