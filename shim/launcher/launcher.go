// Package launcher is what a person, a desktop or a service manager starts a
// model program with: a shortcut, a script, a unit. It renders their files,
// keeps a record of each and looks whether they still hold; it starts nothing
// and knows no environment.
package launcher

import (
	"io/fs"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
)

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
	Name     string   `json:"name"`     // a file's name without an extension, as the user wrote it
	Kind     Kind     `json:"kind"`     //
	Program  string   `json:"program"`  // modelrun, or modelrunw
	Options  []string `json:"options"`  // modelrun's own, before "--"; one that has a value is one word: --model=/srv/llama
	Command  []string `json:"command"`  // after "--"
	Dir      string   `json:"dir"`      // where the program starts
	Icon     string   `json:"icon"`     // "" none
	Windowed bool     `json:"windowed"` // no console: modelrunw
	Account  string   `json:"account"`  // who runs it, for services; "" the default
	System   bool     `json:"system"`   // a systemd unit of the system, not of the user
}

// File is one file of a launcher: what it holds, or which program it is a copy of.
type File struct {
	Name string // without folder
	Data []byte
	Copy string // path to copy from, instead of Data
	Mode fs.FileMode
}

// traits are what differs between kinds besides their files. kinds is the table of
// those that this system has; its other part is in no program.
type traits struct {
	kind     Kind
	render   func(Spec) ([]File, error)
	icon     bool
	windowed bool
	account  bool
}

// Default is the kind that a launcher has on this system when nobody says one.
func Default() Kind { return kinds[0].kind }

// Kinds are those that this system has.
func Kinds() []Kind {
	out := make([]Kind, len(kinds))
	for i, t := range kinds {
		out[i] = t.kind
	}
	return out
}

func traitsOf(k Kind) traits {
	for _, t := range kinds {
		if t.kind == k {
			return t
		}
	}
	return traits{kind: k}
}

// Validate refuses what no file could say: a name that is not one everywhere, a
// kind that this system has not, an option that the kind has no use for. It
// looks at words alone, not at the disk.
func Validate(s *Spec) error {
	if why := badName(s.Name); why != "" {
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

// Ours reports whether a program of that name, without an extension, is modelrun
// itself, in whatever case.
func Ours(name string) bool {
	return strings.EqualFold(name, "modelrun") || strings.EqualFold(name, "modelrunw")
}

// Render is the files of a launcher. It touches no disk. An error is a
// *fault.Error: the kind cannot hold a byte of what it is to start.
func Render(s Spec) ([]File, error) {
	t := traitsOf(s.Kind)
	if t.render == nil { // of a record that another system wrote
		return nil, fault.New(fault.BadUsage, "launcher %s is of kind %s, which this system cannot start", s.Name, s.Kind).Fix("modelrun launcher remove %s", fault.Quote(s.Name))
	}
	if Ours(s.Name) && (s.Kind == Script || s.Kind == Batch || s.Kind == Exe) {
		return nil, fault.New(fault.BadUsage, "a program called %s is modelrun itself", s.Name).Fix("choose another name, for example: chat")
	}
	return t.render(s)
}

// argv is the whole command line of a start.
func (s *Spec) argv() []string {
	return append(append(append([]string{s.Program}, s.Options...), "--"), s.Command...)
}

// cannot says that a kind has no way to write something.
func cannot(s Spec, what, value, why string) error {
	return fault.New(fault.BadUsage, "a launcher of kind %s cannot hold %s %q: %s", s.Kind, what, value, why).
		Fix("rename it, or write a launcher of kind script and start that: --kind script")
}

// plainText refuses what no text file of a kind can hold: bytes that are not
// UTF-8, and control characters.
func plainText(s Spec, more string) error {
	for i, word := range append(s.argv(), s.Dir, s.Icon) {
		what := "the word"
		if i == len(s.argv()) {
			what = "the folder"
		}
		if why := notPlain(word, more); why != "" {
			return cannot(s, what, word, why)
		}
	}
	return nil
}
